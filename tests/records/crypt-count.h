/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Counts what bcrypt does, in place of a clock: linked with --wrap=crypt_rn. A hash of cost n counts 2^n. */

#include <stdint.h>

extern unsigned crypt_calls;
extern uint64_t crypt_work;

void crypt_count_reset(void);
