/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The members of an older stored file, which the next one takes over where their blocks have not changed.
 * Any thread may ask; nothing here changes after the opening. */

#include "backup/store/member-index.h"

typedef struct OlderMembers OlderMembers;

OlderMembers *older_members_free(OlderMembers *older);
DEFINE_CLEANUP(OlderMembers *, older_members_free);

/* `fd` is borrowed. Fails as member_index_open(), and with -EBADMSG when the index has not that SHA-256:
 * what it says about the members was true when they were proved, and is not proved again. */
int older_members_open(int fd, const char *index_sha256, OlderMembers **ret);

/* The records of `n` members from `first` on; how many there are of them. 0 for none at all, where `older`
 * is NULL, and where the index can't be read. */
size_t older_members_read(const OlderMembers *older, uint64_t first, size_t n, MemberRecord *ret_records);

/* Whether the record's member holds the block with that SHA-256. */
bool older_members_hold(const MemberRecord *record,
                const unsigned char block_sha256[static MEMBER_INDEX_DIGEST_BYTES]);

/* Those members, one at least, are about to be read: the disk begins with them. Left to itself, the kernel
 * may read megabytes ahead, and a commit of the application's would wait behind them. */
void older_members_expect(const OlderMembers *older, const MemberRecord *records, size_t n);

/* 1, and in *ret_bytes the stored size of the record's member, when that holds the block with that SHA-256;
 * 0 when it holds another. Negative where no member can be read: the file is damaged. */
int older_members_find(const OlderMembers *older,
                const MemberRecord *record,
                const unsigned char block_sha256[static MEMBER_INDEX_DIGEST_BYTES],
                size_t *ret_bytes);

/* Reads the whole of that member, of the size that was found. Negative as above. */
int older_members_read_member(
                const OlderMembers *older, const MemberRecord *record, void *target, size_t member_bytes);

/* Whether files beside this one, which is open for writing and empty, can share whole blocks of
 * STORED_IMAGE_ALIGNMENT_BYTES with it. It is tried with a hole, and the file is empty again afterwards. */
bool older_members_can_share(int fd);

/* Appends those bytes to `to_fd`, as extents that both files share; where that doesn't work after all, as a
 * copy. *ret_bytes is less than `size` where the older file became shorter or can't be read: what is written
 * then does not read back. */
int older_members_share(
                const OlderMembers *older, uint64_t offset_bytes, size_t size, int to_fd, size_t *ret_bytes);
