#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints, as a C header, passwords and what werkzeug.security.generate_password_hash() would make of them: the same
calls of hashlib, with fixed salts."""

import hashlib

PASSWORDS = ["secret", "mot de passe é", "x" * 72]


def scrypt(password, salt, n, r, p):
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=132 * n * r * p + 2**20)
    return f"scrypt:{n}:{r}:{p}${salt}${digest.hex()}"


def pbkdf2(password, salt, name, iterations):
    digest = hashlib.pbkdf2_hmac(name, password.encode(), salt.encode(), iterations)
    return f"pbkdf2:{name}:{iterations}${salt}${digest.hex()}"


def hashes(password):
    yield scrypt(password, "aB3dE6gH9jK2mN5p", 32768, 8, 1)
    yield scrypt(password, "Qx7Lk2Zp", 16, 1, 2)
    for name in ("sha1", "sha256", "sha512"):
        yield pbkdf2(password, "Qx7Lk2Zp", name, 1000)
    yield pbkdf2(password, "saltsaltsaltsalt", "sha256", 260000)


print("static const struct {\n        const char *password;\n        const char *hash;\n} werkzeug_vectors[] = {")
for one in PASSWORDS:
    for made in hashes(one):
        print(f'                {{"{one}", "{made}"}},')
print("};")
