/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/page/wal-frames.h"

#include <string.h>

#include "database/page/page-file.h"

#define MAGIC 0x377f0682 /* or that and 1, where checksums are big-endian */
#define VERSION 3007000
#define WAL_HEADER_BYTES 32
#define WAL_HEADER_SALTS 16
#define WAL_HEADER_CHECKSUM 24
#define FRAME_HEADER_BYTES 24
#define FRAME_SALTS 8
#define FRAME_CHECKSUM 16
#define FRAME_CHECKSUMMED_BYTES 8 /* of its header; the page follows */

typedef struct Frames {
        const WalIndex *index;
        WalFrameFunction function;
        void *userdata;
        uint32_t sum[2];
        uint32_t n_pages; /* as the last frame says when it ends a commit; else 0 */
} Frames;

static bool has_sum(const Frames *frames, const unsigned char *at)
{
        return page_get4(at) == frames->sum[0] && page_get4(at + 4) == frames->sum[1];
}

/* What walIndexRecover() in wal.c asks of it, and that it is the one that the index is about. */
static bool begin(Frames *frames, const unsigned char *header)
{
        const WalIndex *index = frames->index;

        wal_checksum(index->big_endian, header, WAL_HEADER_CHECKSUM, frames->sum);
        return page_get4(header) == (MAGIC | (uint32_t) index->big_endian) &&
               page_get4(header + 4) == VERSION && page_get4(header + 8) == index->page_bytes &&
               memcmp(header + WAL_HEADER_SALTS, index->salts, sizeof index->salts) == 0 &&
               has_sum(frames, header + WAL_HEADER_CHECKSUM);
}

/* 1, 0 when it is not a frame of this -wal, or negative. */
static int take_frame(Frames *frames, const unsigned char *frame, uint64_t offset_bytes, Fault *fault)
{
        const WalIndex *index = frames->index;
        const unsigned char *content = frame + FRAME_HEADER_BYTES;
        uint32_t page = page_get4(frame);

        wal_checksum(index->big_endian, frame, FRAME_CHECKSUMMED_BYTES, frames->sum);
        wal_checksum(index->big_endian, content, index->page_bytes, frames->sum);
        if (page == 0 || memcmp(frame + FRAME_SALTS, index->salts, sizeof index->salts) != 0 ||
                        !has_sum(frames, frame + FRAME_CHECKSUM))
                return 0;
        frames->n_pages = page_get4(frame + 4);
        /* The database has become smaller since. */
        if (page > index->n_pages)
                return 1;
        return frames->function(frames->userdata, page, content, offset_bytes + FRAME_HEADER_BYTES, fault);
}

/* 1, 0 when the -wal is shorter than that, or negative. */
static int read_wal(Connection *source,
                sqlite3_file *wal,
                void *buffer,
                uint64_t n_bytes,
                uint64_t offset_bytes,
                Fault *fault)
{
        int code = wal->pMethods->xRead(wal, buffer, (int) n_bytes, (sqlite3_int64) offset_bytes);

        if (code == SQLITE_OK)
                return 1;
        if (code == SQLITE_IOERR_SHORT_READ)
                return 0;
        return connection_fault(source, code, fault, "Copying the database");
}

static int take_frames(Frames *frames, Connection *source, sqlite3_file *wal, Fault *fault)
{
        const uint64_t frame_bytes = FRAME_HEADER_BYTES + (uint64_t) frames->index->page_bytes;
        const uint64_t n_at_once = MAX_OF(COPY_TARGET_CHUNK_BYTES / frame_bytes, UINT64_C(1));
        _cleanup_free_ unsigned char *buffer = malloc(n_at_once * frame_bytes);
        uint64_t n, n_frames = frames->index->n_frames;
        int r;

        if (!buffer)
                return fault_set_errno(fault, ENOMEM, "Copying %s", source->path);
        for (uint64_t done = 0; done < n_frames; done += n) {
                n = MIN_OF(n_at_once, n_frames - done);
                r = source->progress ? progress_check(source->progress, fault) : 0;
                if (r < 0)
                        return r;
                r = read_wal(source,
                                wal,
                                buffer,
                                n * frame_bytes,
                                WAL_HEADER_BYTES + done * frame_bytes,
                                fault);
                for (uint64_t i = 0; r > 0 && i < n; i++)
                        r = take_frame(frames,
                                        buffer + i * frame_bytes,
                                        WAL_HEADER_BYTES + (done + i) * frame_bytes,
                                        fault);
                if (r <= 0)
                        return r;
        }
        return 1;
}

int wal_frames_each(Connection *source,
                const WalIndex *index,
                WalFrameFunction function,
                void *userdata,
                const char **ret_doubt,
                Fault *fault)
{
        Frames frames = {.index = index, .function = function, .userdata = userdata};
        unsigned char header[WAL_HEADER_BYTES];
        sqlite3_file *wal = NULL;
        int r;

        *ret_doubt = "no -wal is open";
        if (sqlite3_file_control(source->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK ||
                        !wal || !wal->pMethods)
                return 0;
        *ret_doubt = "the -wal is not what its index says";
        r = read_wal(source, wal, header, sizeof header, 0, fault);
        if (r > 0 && !begin(&frames, header))
                r = 0;
        if (r > 0)
                r = take_frames(&frames, source, wal, fault);
        if (r > 0)
                r = frames.n_pages == index->n_pages &&
                    memcmp(frames.sum, index->checksum, sizeof frames.sum) == 0;
        return r;
}

typedef struct Overlay {
        const CopyTarget *target;
        uint64_t page_bytes;
} Overlay;

static int put_page(void *userdata,
                uint32_t page,
                const unsigned char *content,
                uint64_t offset_bytes,
                Fault *fault)
{
        const Overlay *overlay = userdata;

        return copy_target_write(overlay->target,
                        content,
                        overlay->page_bytes,
                        (uint64_t) (page - 1) * overlay->page_bytes,
                        fault);
}

int wal_frames_overlay(Connection *source,
                const WalIndex *index,
                const CopyTarget *target,
                const char **ret_doubt,
                Fault *fault)
{
        Overlay overlay = {.target = target, .page_bytes = index->page_bytes};

        return wal_frames_each(source, index, put_page, &overlay, ret_doubt, fault);
}
