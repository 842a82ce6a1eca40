/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What libFuzzer calls, and, without it, run-corpus.c; and how a target tells that something is wrong. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it holds in every build. */
static inline void require(bool condition)
{
        if (!condition)
                abort();
}
