/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The -wal and -shm that SQLite makes get the mode of the database, and the group of this process. Where
 * that is another group than the database's, the application that owns the database can't open them. */

/* Gives those that belong to this user the database's group, as far as this process is a member of it. */
void side_files_follow(const char *database_path);
