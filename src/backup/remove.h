/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing one backup, its manifest first: a removal that is cut off leaves an invalid backup, never a
 * manifest without its file; create_clean_up_leftovers() finishes it. */

#include "backup/manifest.h"

int remove_backup(int directory_fd, const Manifest *manifest, Fault *fault);
