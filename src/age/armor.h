/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* age's ASCII armor (https://age-encryption.org/v1, "ASCII armor"): an age file as text, the way `age
 * --armor` writes it. Only read, for files that come from elsewhere; what is written here is binary. Works
 * in one pass and in constant memory; nothing of it is proved before the age file inside is. */

#include "base/progress.h"

#define AGE_ARMOR_START "-----BEGIN AGE ENCRYPTED FILE-----"

/* Writes the age file that the text in `source_fd` (from offset 0) holds to `target_fd`, at its position.
 * CORRUPT for what is not strictly of that form: lines of 64 columns and a shorter or equal last one, one
 * spelling of base64, white space before and after only, line ends of either kind. Messages name no file. */
int age_armor_decode(int source_fd, int target_fd, Progress *progress, Fault *fault);
