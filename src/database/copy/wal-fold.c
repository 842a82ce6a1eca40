/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/copy/wal-fold.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/io.h"
#include "database/connection/connection.h"
#include "database/page/page-file.h"
#include "database/page/wal-index.h"

#define MAGIC 0x377f0682 /* or that and 1, where checksums are big-endian */
#define VERSION 3007000
#define HEADER_BYTES 32
#define HEADER_SALTS 16
#define HEADER_CHECKSUM 24
#define FRAME_HEADER_BYTES 24
#define FRAME_SALTS 8
#define FRAME_CHECKSUM 16
#define FRAME_CHECKSUMMED_BYTES 8

typedef struct Fold {
        const char *path;
        int wal_fd;
        int fd;
        bool big_endian;
        uint64_t page_bytes;
        unsigned char salts[8];
        uint32_t sum[2];
        unsigned char *frame;
        uint64_t n_frames; /* up to the last commit */
        uint64_t n_pages;  /* of the database after it */
} Fold;

static void fold_done(Fold *fold)
{
        closep(&fold->wal_fd);
        closep(&fold->fd);
        free(fold->frame);
}

static int open_suffixed(const char *path, const char *suffix, int flags)
{
        _cleanup_free_ char *name = NULL;
        int fd;

        if (asprintf(&name, "%s%s", path, suffix) < 0) {
                name = NULL;
                return -ENOMEM;
        }
        fd = open(name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

/* False when nothing was ever committed to it. */
static bool read_header(Fold *fold)
{
        unsigned char header[HEADER_BYTES];
        size_t size;
        uint32_t magic;

        if (io_read_full_at(fold->wal_fd, header, sizeof header, 0, &size) < 0 || size < sizeof header)
                return false;
        magic = page_get4(header);
        fold->big_endian = magic & 1;
        fold->page_bytes = page_get4(header + 8);
        memcpy(fold->salts, header + HEADER_SALTS, sizeof fold->salts);
        wal_checksum(fold->big_endian, header, HEADER_CHECKSUM, fold->sum);
        return (magic & ~1U) == MAGIC && page_get4(header + 4) == VERSION && fold->page_bytes >= 512 &&
               fold->page_bytes <= 64 * KIB && (fold->page_bytes & (fold->page_bytes - 1)) == 0 &&
               page_get4(header + HEADER_CHECKSUM) == fold->sum[0] &&
               page_get4(header + HEADER_CHECKSUM + 4) == fold->sum[1];
}

static bool read_frame(Fold *fold, uint64_t number)
{
        size_t frame_bytes = FRAME_HEADER_BYTES + fold->page_bytes, size;

        return io_read_full_at(fold->wal_fd,
                               fold->frame,
                               frame_bytes,
                               HEADER_BYTES + number * frame_bytes,
                               &size) >= 0 &&
               size == frame_bytes;
}

static void find_last_commit(Fold *fold)
{
        for (uint64_t i = 0; read_frame(fold, i); i++) {
                const unsigned char *frame = fold->frame;

                wal_checksum(fold->big_endian, frame, FRAME_CHECKSUMMED_BYTES, fold->sum);
                wal_checksum(fold->big_endian, frame + FRAME_HEADER_BYTES, fold->page_bytes, fold->sum);
                if (page_get4(frame) == 0 ||
                                memcmp(frame + FRAME_SALTS, fold->salts, sizeof fold->salts) != 0 ||
                                page_get4(frame + FRAME_CHECKSUM) != fold->sum[0] ||
                                page_get4(frame + FRAME_CHECKSUM + 4) != fold->sum[1])
                        return;
                if (page_get4(frame + 4) != 0) {
                        fold->n_frames = i + 1;
                        fold->n_pages = page_get4(frame + 4);
                }
        }
}

static int write_frames(Fold *fold, Fault *fault)
{
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < fold->n_frames; i++) {
                uint64_t page;

                if (!read_frame(fold, i))
                        return fault_set(fault, FAULT_IO, "%s-wal can't be read again", fold->path);
                page = page_get4(fold->frame);
                if (page <= fold->n_pages)
                        r = io_write_all_at(fold->fd,
                                        fold->frame + FRAME_HEADER_BYTES,
                                        fold->page_bytes,
                                        (page - 1) * fold->page_bytes);
        }
        if (r >= 0 && fold->n_frames > 0 &&
                        ftruncate(fold->fd, (off_t) (fold->n_pages * fold->page_bytes)) < 0)
                r = -errno;
        return r < 0 ? fault_set_errno(fault, r, "Folding the -wal into %s", fold->path) : 0;
}

/* Opens both files and finds the last commit. 0 when there is none in a -wal. */
static int begin(Fold *fold, int flags, Fault *fault)
{
        fold->fd = open_suffixed(fold->path, "", flags);
        if (fold->fd < 0)
                return fault_set_errno(fault, fold->fd, "Opening %s", fold->path);
        fold->wal_fd = open_suffixed(fold->path, "-wal", O_RDONLY);
        if (fold->wal_fd == -ENOENT)
                return 0;
        if (fold->wal_fd < 0)
                return fault_set_errno(fault, fold->wal_fd, "Opening %s-wal", fold->path);
        if (!read_header(fold))
                return 0;
        fold->frame = malloc(FRAME_HEADER_BYTES + fold->page_bytes);
        if (!fold->frame)
                return fault_set_errno(fault, ENOMEM, "Folding the -wal into %s", fold->path);
        find_last_commit(fold);
        return fold->n_frames > 0;
}

static int fold_wal(const char *path, Fault *fault)
{
        _cleanup_(fold_done) Fold fold = {.path = path, .wal_fd = -EBADF, .fd = -EBADF};
        int r;

        r = begin(&fold, O_RDWR, fault);
        return r <= 0 ? r : write_frames(&fold, fault);
}

/* A journal from which SQLite can't roll back is half a transaction that nobody can take out again. */
static void roll_back(const char *path)
{
        _cleanup_(connection_closep) Connection *connection = NULL;
        int fd = open_suffixed(path, "-journal", O_RDONLY);

        if (fd < 0)
                return;
        closep(&fd);
        (void) connection_open(path, CONNECTION_PRIVATE, NULL, &connection, NULL);
}

int wal_fold(const char *path, Fault *fault)
{
        static const char *const suffixes[] = {"-wal", "-journal", "-shm"};
        int r = fold_wal(path, fault);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *name = NULL;

                if (strcmp(suffixes[i], "-journal") == 0)
                        roll_back(path);
                if (asprintf(&name, "%s%s", path, suffixes[i]) < 0) {
                        name = NULL;
                        return fault_set_errno(fault, ENOMEM, "Folding the -wal into %s", path);
                }
                if (unlink(name) < 0 && errno != ENOENT)
                        return fault_set_errno(fault, errno, "Removing %s", name);
        }
        return 0;
}

/* Which frame has a page last; 0 for none, else its number and 1. */
static uint32_t *find_frames(Fold *fold)
{
        uint32_t *frames = calloc(fold->n_pages + 1, sizeof *frames);

        for (uint64_t i = 0; frames && i < fold->n_frames; i++) {
                uint32_t page = read_frame(fold, i) ? page_get4(fold->frame) : 0;

                if (page <= fold->n_pages)
                        frames[page] = (uint32_t) i + 1;
        }
        return frames;
}

static int hash_pages(Fold *fold, XXH3_state_t *state)
{
        _cleanup_free_ uint32_t *frames = find_frames(fold);
        unsigned char *content;

        if (!frames)
                return -ENOMEM;
        content = fold->frame + FRAME_HEADER_BYTES;
        for (uint64_t page = 1; page <= fold->n_pages; page++) {
                size_t size;

                memset(content, 0, fold->page_bytes);
                if (frames[page] > 0 ? !read_frame(fold, frames[page] - UINT64_C(1))
                                     : io_read_full_at(fold->fd,
                                                       content,
                                                       fold->page_bytes,
                                                       (page - 1) * fold->page_bytes,
                                                       &size) < 0)
                        return -EIO;
                (void) XXH3_128bits_update(state, content, fold->page_bytes);
        }
        return 0;
}

static int hash_file(const Fold *fold, XXH3_state_t *state)
{
        _cleanup_free_ char *buffer = malloc(MIB);
        size_t size = MIB;
        int r = buffer ? 0 : -ENOMEM;

        while (r >= 0 && size == MIB) {
                r = io_read_full(fold->fd, buffer, MIB, &size);
                if (r >= 0)
                        (void) XXH3_128bits_update(state, buffer, size);
        }
        return r;
}

int wal_folded_hash(const char *path, uint64_t ret[static 2], Fault *fault)
{
        _cleanup_(fold_done) Fold fold = {.path = path, .wal_fd = -EBADF, .fd = -EBADF};
        XXH3_state_t *state = XXH3_createState();
        XXH128_hash_t hash;
        int r;

        if (!state)
                return fault_set_errno(fault, ENOMEM, "Reading %s", path);
        (void) XXH3_128bits_reset(state);
        r = begin(&fold, O_RDONLY, fault);
        if (r >= 0) {
                r = r > 0 ? hash_pages(&fold, state) : hash_file(&fold, state);
                if (r < 0)
                        r = fault_set_errno(fault, r, "Reading %s", path);
        }
        hash = XXH3_128bits_digest(state);
        (void) XXH3_freeState(state);
        ret[0] = hash.low64;
        ret[1] = hash.high64;
        return r;
}
