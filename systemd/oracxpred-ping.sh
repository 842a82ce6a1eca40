#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pings the URL in the credential "url" after a success, and URL/fail after a failure, in the manner of healthchecks.io.
# systemd tells in $MONITOR_SERVICE_RESULT how the unit ended that started this one.
set -eu

: "${MONITOR_SERVICE_RESULT:?is for OnSuccess= and OnFailure= to set: start the unit itself, not this one}"
read -r url <"$CREDENTIALS_DIRECTORY/url" || [ -n "$url" ]
case $url in
        *[\"\\]*)
                echo "The URL has a quotation mark or a backslash in it" >&2
                exit 2
                ;;
esac
[ "$MONITOR_SERVICE_RESULT" = success ] || url=${url%/}/fail

# Through standard input, since everybody may read the arguments of a process; printf is the shell's own.
printf 'url = "%s"\n' "$url" |
        exec curl --disable --config - --proto '=http,https' --fail --silent --show-error --output /dev/null \
                --max-time 15 --retry 3 --retry-connrefused
