/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What libFuzzer calls, and, without it, run-corpus.c. */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
