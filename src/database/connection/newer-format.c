/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/connection/newer-format.h"

#include <string.h>

#define PAGE_BYTES 16
#define READ_VERSION 19
#define PAYLOAD_FRACTIONS 21
#define SCHEMA_FORMAT 44
#define ENCODING 56
#define RESERVED 72
#define RESERVED_BYTES 20

/* The highest that are known; some more are believed. What is far off is damage. */
#define READ_VERSION_KNOWN 2
#define SCHEMA_FORMAT_KNOWN 4
#define BELIEVED 8

static uint32_t get4(const unsigned char *bytes)
{
        return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

static bool is_page_size(const unsigned char *bytes)
{
        uint32_t size_bytes = (uint32_t) bytes[0] << 8 | (uint32_t) bytes[1] << 16;

        return size_bytes >= 512 && size_bytes <= 65536 && (size_bytes & (size_bytes - 1)) == 0;
}

static bool is_fixed_right(const unsigned char *header)
{
        static const unsigned char magic[] = "SQLite format 3", fractions[] = {64, 32, 32},
                                   zeros[RESERVED_BYTES];

        return memcmp(header, magic, sizeof magic) == 0 && is_page_size(header + PAGE_BYTES) &&
               memcmp(header + PAYLOAD_FRACTIONS, fractions, sizeof fractions) == 0 &&
               get4(header + ENCODING) <= 3 && memcmp(header + RESERVED, zeros, sizeof zeros) == 0;
}

bool newer_format_in(const unsigned char header[static NEWER_FORMAT_HEADER_BYTES])
{
        uint32_t read_version = header[READ_VERSION], schema_format = get4(header + SCHEMA_FORMAT);

        return is_fixed_right(header) && read_version <= READ_VERSION_KNOWN + BELIEVED &&
               schema_format <= SCHEMA_FORMAT_KNOWN + BELIEVED &&
               (read_version > READ_VERSION_KNOWN || schema_format > SCHEMA_FORMAT_KNOWN);
}

bool newer_format_has(sqlite3 *handle)
{
        unsigned char header[NEWER_FORMAT_HEADER_BYTES];
        sqlite3_file *file = NULL;

        return handle &&
               sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file &&
               file->pMethods && file->pMethods->xRead(file, header, sizeof header, 0) == SQLITE_OK &&
               newer_format_in(header);
}
