/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page/wal-index.h"

#include <endian.h>
#include <string.h>

#define REGION_BYTES 32768
#define VERSION 3007000

/* Two copies of the header, since it is written without a lock that readers take, and nBackfill after them.
 */
#define HEADER_BYTES 48
#define HEADER_IS_INITIALIZED 12
#define HEADER_IS_BIG_ENDIAN 13
#define HEADER_STATE 14
#define HEADER_PAGE_BYTES 14
#define HEADER_N_FRAMES 16
#define HEADER_N_PAGES 20
#define HEADER_FRAME_CHECKSUM 24
#define HEADER_SALTS 32
#define HEADER_CHECKSUM 40
#define BACKFILLED_OFFSET (2 * HEADER_BYTES)

/* A writer changes the header in nanoseconds, unless it is put to sleep in the midst of it. */
#define TRIES 10

void wal_checksum(bool big_endian, const void *data, size_t n_bytes, uint32_t sum[static 2])
{
        uint32_t first = sum[0], second = sum[1];

        for (const unsigned char *at = data, *end = at + n_bytes; at < end; at += 8) {
                uint32_t words[2];

                (void) memcpy(words, at, sizeof words);
                first += (big_endian ? be32toh(words[0]) : le32toh(words[0])) + second;
                second += (big_endian ? be32toh(words[1]) : le32toh(words[1])) + first;
        }
        sum[0] = first;
        sum[1] = second;
}

/* All of the index is in this machine's byte order. */
static uint32_t get4(const unsigned char *at)
{
        uint32_t value;

        (void) memcpy(&value, at, sizeof value);
        return value;
}

static void copy_header(unsigned char *target, const volatile unsigned char *source)
{
        for (size_t i = 0; i < HEADER_BYTES; i++)
                target[i] = source[i];
}

static bool is_sound(const unsigned char *header)
{
        uint32_t sum[2] = {0};

        wal_checksum(__BYTE_ORDER == __BIG_ENDIAN, header, HEADER_CHECKSUM, sum);
        return header[HEADER_IS_INITIALIZED] == 1 && get4(header) == VERSION &&
               memcmp(header + HEADER_CHECKSUM, sum, sizeof sum) == 0;
}

/* The first copy first: a writer begins with the second (walIndexTryHdr() in wal.c). nBackfill is only known
 * to belong to this header when the header is still the same afterwards: a checkpoint that has read a later
 * one leaves out pages of which there are newer frames (walTryBeginRead(), on minFrame). */
static bool read_once(sqlite3_file *file,
                const volatile unsigned char *region,
                unsigned char header[static HEADER_BYTES],
                uint32_t *ret_n_backfilled)
{
        unsigned char second[HEADER_BYTES], again[HEADER_BYTES];

        copy_header(header, region);
        file->pMethods->xShmBarrier(file);
        copy_header(second, region + HEADER_BYTES);
        *ret_n_backfilled = __atomic_load_n(
                        (const volatile uint32_t *) (region + BACKFILLED_OFFSET), __ATOMIC_ACQUIRE);
        file->pMethods->xShmBarrier(file);
        copy_header(again, region);
        return memcmp(header, second, HEADER_BYTES) == 0 && memcmp(header, again, HEADER_BYTES) == 0 &&
               is_sound(header);
}

static void take_apart(const unsigned char *header, WalIndex *ret)
{
        uint16_t page_bytes;

        (void) memcpy(&page_bytes, header + HEADER_PAGE_BYTES, sizeof page_bytes);
        ret->n_frames = get4(header + HEADER_N_FRAMES);
        ret->n_pages = get4(header + HEADER_N_PAGES);
        ret->page_bytes = page_bytes == 1 ? 65536 : page_bytes;
        ret->checksum[0] = get4(header + HEADER_FRAME_CHECKSUM);
        ret->checksum[1] = get4(header + HEADER_FRAME_CHECKSUM + 4);
        (void) memcpy(ret->salts, header + HEADER_SALTS, sizeof ret->salts);
        ret->big_endian = header[HEADER_IS_BIG_ENDIAN] != 0;
        (void) memcpy(ret->state, header + HEADER_STATE, sizeof ret->state);
}

bool wal_index_read(sqlite3_file *file, WalIndex *ret)
{
        unsigned char header[HEADER_BYTES];
        void volatile *region = NULL;

        if (file->pMethods->iVersion < 2 || !file->pMethods->xShmMap)
                return false;
        /* READONLY is no success here, as nobody may be there who keeps such an index in order. */
        if (file->pMethods->xShmMap(file, 0, REGION_BYTES, 0, &region) != SQLITE_OK || !region)
                return false;
        for (unsigned i = 0; i < TRIES; i++) {
                if (i > 0)
                        (void) sqlite3_sleep(1);
                if (read_once(file, region, header, &ret->n_backfilled)) {
                        take_apart(header, ret);
                        return true;
                }
        }
        return false;
}
