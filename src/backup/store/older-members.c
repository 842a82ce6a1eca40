/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/store/older-members.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "backup/store/stored-image.h"
#include "base/io.h"

struct OlderMembers {
        int fd;
        MemberIndex *index;
};

OlderMembers *older_members_free(OlderMembers *older)
{
        if (older)
                older->index = member_index_free(older->index);
        free(older);
        return NULL;
}

int older_members_open(int fd, const char *index_sha256, OlderMembers **ret)
{
        _cleanup_(older_members_freep) OlderMembers *older = calloc(1, sizeof *older);
        char found_sha256[DIGEST_HEX_MAX];
        int r;

        if (!older)
                return -ENOMEM;
        older->fd = fd;
        r = member_index_open(fd, STORED_IMAGE_BLOCK_BYTES, &older->index);
        if (r >= 0)
                r = member_index_digest(older->index, found_sha256);
        if (r < 0)
                return r;
        if (strcmp(found_sha256, index_sha256) != 0)
                return -EBADMSG;
        *ret = TAKE_PTR(older);
        return 0;
}

size_t older_members_read(const OlderMembers *older, uint64_t first, size_t n, MemberRecord *ret_records)
{
        size_t n_read;

        if (!older || member_index_read(older->index, first, n, ret_records, &n_read) < 0)
                return 0;
        return n_read;
}

bool older_members_hold(const MemberRecord *record,
                const unsigned char block_sha256[static MEMBER_INDEX_DIGEST_BYTES])
{
        return memcmp(record->block_sha256, block_sha256, MEMBER_INDEX_DIGEST_BYTES) == 0;
}

void older_members_expect(const OlderMembers *older, const MemberRecord *records, size_t n)
{
        uint64_t first = records[0].offset_bytes, last = records[n - 1].offset_bytes;

        if (last >= first && last - first <= n * STORED_MEMBER_MAX_BYTES)
                (void) posix_fadvise(older->fd,
                                (off_t) first,
                                (off_t) (last - first + STORED_MEMBER_MAX_BYTES),
                                POSIX_FADV_WILLNEED);
}

int older_members_find(const OlderMembers *older,
                const MemberRecord *record,
                const unsigned char block_sha256[static MEMBER_INDEX_DIGEST_BYTES],
                size_t *ret_bytes)
{
        unsigned char header[GZIP_MEMBER_HEADER_BYTES];
        size_t size, member_bytes;
        int r;

        if (!older_members_hold(record, block_sha256))
                return 0;
        r = io_read_full_at(older->fd, header, sizeof header, record->offset_bytes, &size);
        if (r < 0)
                return r;
        member_bytes = gzip_member_stored_bytes(header, size);
        if (member_bytes == 0 || member_bytes > STORED_MEMBER_MAX_BYTES)
                return -EBADMSG;
        *ret_bytes = member_bytes;
        return 1;
}

int older_members_read_member(
                const OlderMembers *older, const MemberRecord *record, void *target, size_t member_bytes)
{
        size_t size;
        int r = io_read_full_at(older->fd, target, member_bytes, record->offset_bytes, &size);

        if (r < 0)
                return r;
        return size == member_bytes ? 0 : -EBADMSG;
}

bool older_members_can_share(int fd)
{
        const struct file_clone_range second_from_first = {
                        .src_fd = fd,
                        .src_length = STORED_IMAGE_ALIGNMENT_BYTES,
                        .dest_offset = STORED_IMAGE_ALIGNMENT_BYTES,
        };
        bool can = ftruncate(fd, (off_t) STORED_IMAGE_ALIGNMENT_BYTES) >= 0 &&
                   ioctl(fd, FICLONERANGE, &second_from_first) >= 0;

        /* What stays of it would be taken for rubbish when the file is read back. */
        return ftruncate(fd, 0) >= 0 && can;
}

/* For file systems that can't copy within the kernel. Less than `size` when the file became shorter, or
 * can't be read on. */
static int copy_chunk(int from_fd, uint64_t offset_bytes, int to_fd, size_t size, size_t *ret)
{
        unsigned char chunk[16 * KIB];
        int r;

        r = io_read_full_at(from_fd, chunk, MIN_OF(size, sizeof chunk), offset_bytes, ret);
        if (r == -EIO) {
                *ret = 0;
                return 0;
        }
        return r < 0 ? r : io_write_all(to_fd, chunk, *ret);
}

static bool cannot_copy(int error)
{
        return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

int older_members_share(
                const OlderMembers *older, uint64_t offset_bytes, size_t size, int to_fd, size_t *ret_bytes)
{
        off_t from = (off_t) offset_bytes;
        size_t left = size;

        while (left > 0) {
                /* Shares the extents where offsets and sizes are whole blocks. */
                ssize_t n = copy_file_range(older->fd, &from, to_fd, NULL, left, 0);

                if (n < 0 && cannot_copy(errno)) {
                        size_t done;
                        int r = copy_chunk(older->fd, (uint64_t) from, to_fd, left, &done);

                        if (r < 0)
                                return r;
                        n = (ssize_t) done;
                        from += n;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno != EIO)
                        return -errno;
                /* If it was the new file that couldn't be written, that is found when it is written again.
                 */
                if (n <= 0)
                        break;
                left -= (size_t) n;
        }
        *ret_bytes = size - left;
        return 0;
}
