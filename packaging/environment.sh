# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
#
# What quickstart and run-tests share: speaking, becoming root, installing Debian packages. Sourced, not run.

# Debian's own tools, whatever else (a language manager, say) the caller's PATH puts first.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export LC_ALL=C.UTF-8

build_packages=(
        gcc
        gettext
        libc6-dev
        libcrypt-dev
        libisal-dev
        libjson-c-dev
        libsqlite3-dev
        libssl-dev
        libsystemd-dev
        libxxhash-dev
        libzip-dev
        meson
        ninja-build
        pkg-config
        zlib1g-dev
)

# What install_packages() has added.
installed_packages=()

# A heading, so that a long output can be read.
say() {
        printf '\n==> %s\n' "$*"
}

# Shows a command as a person would type it, then runs it.
show() {
        printf '\n$ %s\n' "$*"
        "$@"
}

# Starts the calling script over as root when it isn't.
become_root() {
        [ "$(id -u)" -ne 0 ] || return 0
        if ! command -v sudo >/dev/null; then
                echo "$0: needs root, and there is no sudo to become it." >&2
                exit 1
        fi
        say "Becoming root with sudo"
        exec sudo -- "$0" "$@"
}

# Installs those of the named packages that are missing; asks the network only when one is.
install_packages() {
        local package missing=()
        for package; do
                dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
                        missing+=("$package")
        done
        [ "${#missing[@]}" -gt 0 ] || return 0
        installed_packages+=("${missing[@]}")
        say "Installing ${missing[*]}"
        # Packages have much to say; it is of interest only when something goes wrong.
        local output
        output=$(apt-get --quiet update 2>&1 &&
                DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends install "${missing[@]}" 2>&1) ||
                { printf '%s\n' "$output" >&2; return 1; }
}

# systemd is PID 1 here.
host_has_systemd() {
        [ -d /run/systemd/system ]
}
