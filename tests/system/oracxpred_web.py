#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The application, as small as it can be: writes a user at its start, then keeps the database open until SIGTERM."""

import os
import signal
import socket
import sqlite3

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
connection = sqlite3.connect("/var/lib/oracxpred/data/oracxpred.db", timeout=30)
connection.execute("INSERT INTO users (username, password) SELECT 'user' || count(*), '-' FROM users")
connection.commit()
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
    service_manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.sigwait({signal.SIGTERM})
connection.close()
