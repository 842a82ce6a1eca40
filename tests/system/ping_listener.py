#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stands for a service that is pinged: appends the path of each request to the file that it is given, and whether the
path's secret stood in any process' arguments meanwhile."""

import glob
import http.server
import sys


def in_arguments(secret):
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if secret.encode() in file.read():
                    return True
        except OSError:
            continue
    return False


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        shown = "shown" if in_arguments(self.path.split("/")[1]) else "hidden"
        with open(sys.argv[1], "a", encoding="ascii") as file:
            file.write(f"{self.path} {shown}\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, format, *arguments):
        pass


http.server.HTTPServer(("127.0.0.1", 8123), Handler).serve_forever()
