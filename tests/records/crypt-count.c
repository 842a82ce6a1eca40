/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypt-count.h"

#include <crypt.h>
#include <stdlib.h>

unsigned crypt_calls;
uint64_t crypt_work;

void crypt_count_reset(void)
{
        crypt_calls = 0;
        crypt_work = 0;
}

char *__real_crypt_rn(const char *phrase, const char *setting, void *data, int size);
char *__wrap_crypt_rn(const char *phrase, const char *setting, void *data, int size);

char *__wrap_crypt_rn(const char *phrase, const char *setting, void *data, int size)
{
        crypt_calls++;
        crypt_work += UINT64_C(1) << strtoul(setting + 4, NULL, 10);
        return __real_crypt_rn(phrase, setting, data, size);
}
