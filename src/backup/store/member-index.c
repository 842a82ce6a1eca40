/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/member-index.h"

#include <string.h>
#include <sys/stat.h>

#include "backup/store/gzip-member.h"
#include "base/io.h"

#define HEADER_BYTES 16
#define BEFORE_RECORDS_BYTES (HEADER_BYTES + 8)
#define VERSION 2U

/* A bound on what is read of a file that lies about its size: 2^48 bytes of image. */
#define INDEX_MEMBERS_MAX ((UINT64_C(1) << 32) / MEMBER_INDEX_RECORDS)

struct MemberIndex {
        int fd; /* borrowed */
        uint64_t n_members;
        uint64_t n_index_members;
        uint64_t *offsets_bytes; /* of these, in their order */
        uint64_t end_offset_bytes;
};

/* gzip, deflate, FEXTRA; no time, no extra flags, Unix. Then the length of the extra field. */
static const unsigned char header_start[10] = "\x1f\x8b\x08\x04\0\0\0\0\0\x03";

static void put(unsigned char *target, uint64_t value, unsigned n_bytes)
{
        for (unsigned i = 0; i < n_bytes; i++)
                target[i] = (unsigned char) (value >> (8 * i));
}

static uint64_t get(const unsigned char *source, unsigned n_bytes)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < n_bytes; i++)
                value |= (uint64_t) source[i] << (8 * i);
        return value;
}

static void put_header(unsigned char *member, const char *subfield, size_t data_bytes, size_t padding_bytes)
{
        memcpy(member, header_start, sizeof header_start);
        put(member + 10, 4 + data_bytes + padding_bytes, 2);
        memcpy(member + 12, subfield, 2);
        put(member + 14, data_bytes, 2);
}

/* Whether it is the header of a member with that subfield, and how much padding follows the field. */
static bool read_header(
                const unsigned char *member, const char *subfield, size_t *ret_data, size_t *ret_padding)
{
        size_t field_bytes = 4 + (size_t) get(member + 14, 2), extra_bytes = (size_t) get(member + 10, 2);

        if (memcmp(member, header_start, sizeof header_start) != 0 || memcmp(member + 12, subfield, 2) != 0)
                return false;
        if (extra_bytes != field_bytes && extra_bytes < field_bytes + GZIP_PADDING_FRAME_BYTES)
                return false;
        *ret_data = field_bytes - 4;
        *ret_padding = extra_bytes - field_bytes;
        return true;
}

static bool has_header(const unsigned char *member, const char *subfield, size_t data_bytes)
{
        size_t found_bytes, padding_bytes;

        return read_header(member, subfield, &found_bytes, &padding_bytes) && found_bytes == data_bytes;
}

/* An empty last block with fixed codes; the checksum and the size of nothing. */
static void put_nothing(unsigned char *member)
{
        memset(member, 0, 10);
        member[0] = 3;
}

bool member_index_add(MemberIndexWriter *writer, const MemberRecord *record)
{
        unsigned char *target = writer->member + BEFORE_RECORDS_BYTES +
                                writer->n_records * MEMBER_INDEX_RECORD_BYTES;

        put(target, record->offset_bytes, 8);
        memcpy(target + 8, record->block_sha256, sizeof record->block_sha256);
        memcpy(target + 8 + MEMBER_INDEX_DIGEST_BYTES, record->member_sha256, sizeof record->member_sha256);
        writer->n_records++;
        writer->n_members++;
        return writer->n_records == MEMBER_INDEX_RECORDS;
}

size_t member_index_flush(MemberIndexWriter *writer, uint64_t offset_bytes, const void **ret_member)
{
        size_t data_bytes = 8 + writer->n_records * MEMBER_INDEX_RECORD_BYTES;
        size_t padding_bytes =
                        gzip_padding_bytes(MEMBER_INDEX_FRAME_BYTES + data_bytes, writer->alignment_bytes);
        unsigned char *after_data = writer->member + HEADER_BYTES + data_bytes;

        if (writer->n_records == 0)
                return 0;
        put_header(writer->member, "OI", data_bytes, padding_bytes);
        put(writer->member + HEADER_BYTES,
                        writer->n_index_members == 0 ? offset_bytes : writer->last_offset_bytes,
                        8);
        gzip_padding_put(after_data, padding_bytes);
        put_nothing(after_data + padding_bytes);
        writer->last_offset_bytes = offset_bytes;
        writer->n_index_members++;
        writer->n_records = 0;
        *ret_member = writer->member;
        return MEMBER_INDEX_FRAME_BYTES + data_bytes + padding_bytes;
}

void member_index_end(const MemberIndexWriter *writer,
                size_t block_bytes,
                uint64_t database_bytes,
                unsigned char ret_member[static MEMBER_INDEX_END_BYTES])
{
        unsigned char *data = ret_member + HEADER_BYTES;

        put_header(ret_member, "OE", MEMBER_INDEX_END_BYTES - MEMBER_INDEX_FRAME_BYTES, 0);
        put(data, VERSION, 4);
        put(data + 4, block_bytes, 4);
        put(data + 8, writer->n_members, 8);
        put(data + 16, database_bytes, 8);
        put(data + 24, writer->last_offset_bytes, 8);
        put_nothing(data + 32);
}

size_t member_index_stored_bytes(const void *data, size_t size)
{
        size_t data_bytes, padding_bytes;

        if (size < HEADER_BYTES || (!read_header(data, "OI", &data_bytes, &padding_bytes) &&
                                                   !read_header(data, "OE", &data_bytes, &padding_bytes)))
                return 0;
        return MEMBER_INDEX_FRAME_BYTES + data_bytes + padding_bytes;
}

MemberIndex *member_index_free(MemberIndex *index)
{
        if (index)
                free(index->offsets_bytes);
        free(index);
        return NULL;
}

static int read_at(int fd, uint64_t offset_bytes, void *target, size_t bytes)
{
        size_t size;
        int r;

        if (offset_bytes > INT64_MAX)
                return -EBADMSG;
        r = io_read_full_at(fd, target, bytes, offset_bytes, &size);
        if (r < 0)
                return r;
        return size == bytes ? 0 : -EBADMSG;
}

/* How many records the index member of that number has. */
static size_t records_of(const MemberIndex *index, uint64_t number)
{
        return (size_t) MIN_OF(
                        index->n_members - number * MEMBER_INDEX_RECORDS, (uint64_t) MEMBER_INDEX_RECORDS);
}

/* From the last index member back to the first. */
static int follow_chain(MemberIndex *index, uint64_t n, uint64_t offset_bytes)
{
        while (n-- > 0) {
                unsigned char start[BEFORE_RECORDS_BYTES];
                uint64_t before_bytes;
                int r = read_at(index->fd, offset_bytes, start, sizeof start);

                if (r < 0)
                        return r;
                before_bytes = get(start + HEADER_BYTES, 8);
                if (!has_header(start, "OI", 8 + records_of(index, n) * MEMBER_INDEX_RECORD_BYTES) ||
                                (n > 0 ? before_bytes >= offset_bytes : before_bytes != offset_bytes))
                        return -EBADMSG;
                index->offsets_bytes[n] = offset_bytes;
                offset_bytes = before_bytes;
        }
        return 0;
}

int member_index_open(int fd, size_t block_bytes, MemberIndex **ret)
{
        _cleanup_(member_index_freep) MemberIndex *index = calloc(1, sizeof *index);
        unsigned char end[MEMBER_INDEX_END_BYTES];
        const unsigned char *data = end + HEADER_BYTES;
        struct stat status;
        uint64_t n;
        int r;

        if (!index)
                return -ENOMEM;
        index->fd = fd;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (status.st_size < MEMBER_INDEX_END_BYTES)
                return -ENOENT;
        r = read_at(fd, (uint64_t) status.st_size - sizeof end, end, sizeof end);
        if (r < 0)
                return r;
        if (!has_header(end, "OE", sizeof end - MEMBER_INDEX_FRAME_BYTES) || get(data, 4) != VERSION ||
                        get(data + 4, 4) != block_bytes)
                return -ENOENT;
        index->end_offset_bytes = (uint64_t) status.st_size - sizeof end;
        index->n_members = get(data + 8, 8);
        n = index->n_members / MEMBER_INDEX_RECORDS + (index->n_members % MEMBER_INDEX_RECORDS > 0);
        /* Each record takes room in the file. */
        if (n > INDEX_MEMBERS_MAX ||
                        index->n_members > (uint64_t) status.st_size / MEMBER_INDEX_RECORD_BYTES)
                return -EBADMSG;
        index->offsets_bytes = calloc((size_t) MAX_OF(n, UINT64_C(1)), sizeof *index->offsets_bytes);
        if (!index->offsets_bytes)
                return -ENOMEM;
        index->n_index_members = n;
        r = follow_chain(index, n, get(data + 24, 8));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(index);
        return 0;
}

static int digest_at(int fd, uint64_t offset_bytes, Digest *digest)
{
        unsigned char member[MEMBER_INDEX_MAX_BYTES];
        size_t size, member_bytes;
        int r = io_read_full_at(fd, member, sizeof member, offset_bytes, &size);

        if (r < 0)
                return r;
        member_bytes = member_index_stored_bytes(member, size);
        if (member_bytes == 0 || member_bytes > size)
                return -EBADMSG;
        return digest_update(digest, member, member_bytes, NULL);
}

int member_index_digest(const MemberIndex *index, char ret_sha256[static DIGEST_HEX_MAX])
{
        _cleanup_(digest_freep) Digest *digest = NULL;
        int r = digest_new(&digest, NULL);

        for (uint64_t i = 0; r >= 0 && i < index->n_index_members; i++)
                r = digest_at(index->fd, index->offsets_bytes[i], digest);
        if (r >= 0)
                r = digest_at(index->fd, index->end_offset_bytes, digest);
        return r < 0 ? r : digest_finish(digest, ret_sha256, NULL);
}

int member_index_read(
                const MemberIndex *index, uint64_t first, size_t n, MemberRecord *ret_records, size_t *ret_n)
{
        size_t done = 0;

        while (done < n && first + done < index->n_members) {
                uint64_t number = (first + done) / MEMBER_INDEX_RECORDS;
                size_t from = (size_t) ((first + done) % MEMBER_INDEX_RECORDS);
                size_t here = MIN_OF(n - done, records_of(index, number) - from);

                for (size_t i = 0; i < here; i++) {
                        unsigned char record[MEMBER_INDEX_RECORD_BYTES];
                        int r = read_at(index->fd,
                                        index->offsets_bytes[number] + BEFORE_RECORDS_BYTES +
                                                        (from + i) * sizeof record,
                                        record,
                                        sizeof record);

                        if (r < 0)
                                return r;
                        ret_records[done + i].offset_bytes = get(record, 8);
                        memcpy(ret_records[done + i].block_sha256, record + 8, MEMBER_INDEX_DIGEST_BYTES);
                        memcpy(ret_records[done + i].member_sha256,
                                        record + 8 + MEMBER_INDEX_DIGEST_BYTES,
                                        MEMBER_INDEX_DIGEST_BYTES);
                }
                done += here;
        }
        *ret_n = done;
        return 0;
}
