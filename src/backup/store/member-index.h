/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where each member of a stored gzip file lies, the SHA-256 of the block in it, so that the next backup
 * finds what has not changed without inflating anything, and the SHA-256 of the member itself, so that
 * whoever takes it over can prove that it still is the one that was proved to hold that block. The index is
 * part of the file: it lies in the extra fields of gzip members that hold no data, one after each
 * MEMBER_INDEX_RECORDS members and a last one with a fixed size at the end, which points back along the
 * chain. `gunzip` passes over them, and nothing has to be published, removed or cleaned up beside the
 * backup. Anybody can write one that contradicts nothing and is wrong: it is to be believed only when its
 * digest is the one that whoever made and proved the file has noted elsewhere.
 *
 * Extra subfields, integers little-endian:
 *   "OI"  u64 offset of the "OI" member before this one (of itself in the first), then per member
 *         u64 offset in the file, 32 bytes SHA-256 of the block, 32 bytes SHA-256 of the member
 *   "OP"  after "OI", where members are aligned: padding (gzip-member.h)
 *   "OE"  u32 version 2, u32 bytes of a block, u64 blocks, u64 bytes of the image, u64 offset of the last
 *         "OI" member */

#include "base/digest.h"

#define MEMBER_INDEX_DIGEST_BYTES 32
#define MEMBER_INDEX_RECORD_BYTES (8 + 2 * MEMBER_INDEX_DIGEST_BYTES)
/* An extra field has room for 910; a multiple of 16 lets whole batches of members lie between two. */
#define MEMBER_INDEX_RECORDS 896U
/* The frame of a member without data: header, subfield, an empty deflate block, trailer. */
#define MEMBER_INDEX_FRAME_BYTES (16 + 2 + 8)
/* With as much padding as the extra field can hold. */
#define MEMBER_INDEX_MAX_BYTES (12 + UINT16_MAX + 2 + 8)
#define MEMBER_INDEX_END_BYTES (MEMBER_INDEX_FRAME_BYTES + 4 + 4 + 8 + 8 + 8)

typedef struct MemberRecord {
        uint64_t offset_bytes;
        unsigned char block_sha256[MEMBER_INDEX_DIGEST_BYTES];
        unsigned char member_sha256[MEMBER_INDEX_DIGEST_BYTES];
} MemberRecord;

/* Collects records in the order of the members; used from one thread at a time. All zero is the start, but
 * for the alignment. */
typedef struct MemberIndexWriter {
        size_t alignment_bytes; /* of which the size of each index member is a multiple; or 0 */
        uint64_t n_members;
        uint64_t last_offset_bytes; /* of the last index member that was given out */
        uint64_t n_index_members;
        size_t n_records; /* in `member`, since then */
        unsigned char member[MEMBER_INDEX_MAX_BYTES];
} MemberIndexWriter;

/* Returns true when an index member has to follow now: member_index_flush(). */
bool member_index_add(MemberIndexWriter *writer, const MemberRecord *record);

/* Makes the index member that is to be written at `offset_bytes` from the records since the last one: its
 * bytes stay good until the next call. Its size is 0 when there are no records. */
size_t member_index_flush(MemberIndexWriter *writer, uint64_t offset_bytes, const void **ret_member);

/* The last member of the file, for an image of `database_bytes` in blocks of `block_bytes`. */
void member_index_end(const MemberIndexWriter *writer,
                size_t block_bytes,
                uint64_t database_bytes,
                unsigned char ret_member[static MEMBER_INDEX_END_BYTES]);

/* The stored size of the member of an index that starts at `data`; 0 when there is none, or when `size` is
 * too small to tell. */
size_t member_index_stored_bytes(const void *data, size_t size);

typedef struct MemberIndex MemberIndex;

MemberIndex *member_index_free(MemberIndex *index);
DEFINE_CLEANUP(MemberIndex *, member_index_free);

/* Finds the index of the file that is open at `fd`, which has to stay open. -ENOENT when it has none of this
 * block size, -EBADMSG when it is damaged. */
int member_index_open(int fd, size_t block_bytes, MemberIndex **ret);

/* The SHA-256 of all members of the index as they lie in the file, in their order. Negative where they can't
 * be read in full. */
int member_index_digest(const MemberIndex *index, char ret_sha256[static DIGEST_HEX_MAX]);

/* The records of the members `first` to `first` + `n`: fewer at the end, none behind it. Any thread. */
int member_index_read(const MemberIndex *index,
                uint64_t first,
                size_t n,
                MemberRecord *ret_records,
                size_t *ret_n);
