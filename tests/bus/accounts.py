# SPDX-License-Identifier: LGPL-2.1-or-later
"""Accounts as a caller of .Accounts has them, and passwords as the application has written them before."""

import hashlib

import pytest

from application import Application
from contract import ACCOUNTS, BUS_PATH

# The lowest there is: a sixteenth of a second.
QUICK = "BcryptCost=10\n"


def scrypt(password, salt="aB3dE6gH9jK2mN5p"):
    """What werkzeug.security.generate_password_hash() writes today."""
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=32768, r=8, p=1, maxmem=132 * 32768 * 8)
    return f"scrypt:32768:8:1${salt}${digest.hex()}"


def pbkdf2(password, salt="saltsaltsaltsalt"):
    """What it wrote before."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 260000)
    return f"pbkdf2:sha256:260000${salt}${digest.hex()}"


class Accounts:
    """The interface, with dictionaries without their signatures."""

    def __init__(self, client):
        self.client = client

    def call(self, member, *arguments):
        return self.client.call(BUS_PATH, ACCOUNTS, member, *arguments)

    def create(self, username, password, **options):
        signatures = {"email": "s"}
        return self.call(
            "Create", username, password, {key: (signatures.get(key, "b"), value) for key, value in options.items()}
        )

    def show(self, username):
        return plain(self.call("Show", username))

    def list(self, after=0, limit=1000):
        return [plain(account) for account in self.call("List", after, limit)]

    def verify(self, username, password, address=None):
        """(result, µs to wait, account)"""
        options = {"address": ("s", address)} if address else {}
        result, retry_usec, account = self.call("VerifyPassword", username, password, options)
        return result, retry_usec, plain(account)

    def result(self, username, password, address=None):
        return self.verify(username, password, address)[0]


def plain(account):
    return {key: value for key, (_, value) in account.items()}


@pytest.fixture
def accounts(service):
    """Those of a started service that hashes quickly."""
    service.configure(QUICK)
    return Accounts(service.start())


@pytest.fixture
def users(service, accounts):
    """The application's own connection."""
    opened = Application(service.database)
    yield opened
    opened.close()
