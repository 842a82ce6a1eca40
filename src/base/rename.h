/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Renaming without ever replacing. Many file systems do not know RENAME_NOREPLACE: those in user space
 * (ntfs-3g, exfat-fuse, bindfs, sshfs, mergerfs), and NFS. */

/* As renameat(), but -EEXIST when there is something of the new name. Without the flag of the kernel it is a
 * hard link to the new name and then the removal of the old one: a process that is killed in between leaves
 * the file with both names, and calling this again finishes the work. Where there are no hard links, either
 * (exfat), and for a directory, the name is looked up and then the file renamed: whoever creates the name at
 * that very moment is replaced. */
int rename_noreplace(int from_fd, const char *from, int to_fd, const char *to);
