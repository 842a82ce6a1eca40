#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pings a URL after a success, and URL/fail after a failure, in the manner of healthchecks.io. Called with
# success:UNIT or failure:UNIT; the URL is the credential url_UNIT. A unit that has none is of no concern.
set -eu

how=${1%%:*}
file=$CREDENTIALS_DIRECTORY/url_${1#*:}
[ -e "$file" ] || exit 0
read -r url <"$file" || [ -n "$url" ]
case $url in
        *[\"\\]*)
                echo "The URL has a quotation mark or a backslash in it" >&2
                exit 2
                ;;
esac
[ "$how" = success ] || url=${url%/}/fail

# Through standard input, since everybody may read the arguments of a process; printf is the shell's own.
printf 'url = "%s"\n' "$url" |
        exec curl --disable --config - --proto '=http,https' --fail --silent --show-error --output /dev/null \
                --max-time 15 --retry 3 --retry-connrefused
