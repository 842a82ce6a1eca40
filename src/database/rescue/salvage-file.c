/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "database/rescue/salvage-file.h"

#include <string.h>

/* The page with the bytes that POSIX locks are put on is never used. */
#define PENDING_BYTE UINT64_C(0x40000000)

#define HEADER_PAGE_BYTES 16
#define HEADER_RESERVED 20
#define HEADER_FRACTIONS 21
#define HEADER_FREELIST 32
#define HEADER_N_FREE 36
#define HEADER_SCHEMA_FORMAT 44
#define HEADER_LARGEST_ROOT 52
#define HEADER_ENCODING 56

static uint64_t page_bytes_of(const unsigned char *header)
{
        uint64_t bytes = page_get2(header + HEADER_PAGE_BYTES);

        return bytes == 1 ? 64 * KIB : bytes;
}

static bool makes_sense(const unsigned char *header)
{
        static const unsigned char fractions[] = {64, 32, 32};
        uint64_t bytes = page_bytes_of(header);
        uint32_t encoding = page_get4(header + HEADER_ENCODING);

        return memcmp(header, "SQLite format 3", 16) == 0 && bytes >= 512 && (bytes & (bytes - 1)) == 0 &&
               bytes - header[HEADER_RESERVED] >= 480 &&
               memcmp(header + HEADER_FRACTIONS, fractions, sizeof fractions) == 0 && encoding >= 1 &&
               encoding <= 3 && page_get4(header + HEADER_SCHEMA_FORMAT) <= 4;
}

static bool read_at(sqlite3_file *handle, uint64_t offset, void *buffer, size_t size_bytes)
{
        return handle->pMethods->xRead(handle, buffer, (int) size_bytes, (sqlite3_int64) offset) ==
               SQLITE_OK;
}

/* Whether the root of the schema is where a page of this size begins, and ends. */
static bool root_fits(const SalvageFile *salvage)
{
        _cleanup_free_ unsigned char *page = malloc(salvage->file.page_bytes);
        PageNode node;
        PageCell cell;

        if (!page || !page_file_read_node(&salvage->file, 1, page, &node) || node.is_index)
                return false;
        for (uint32_t i = 0; i < node.n_cells; i++)
                if (!page_node_cell(&salvage->file, &node, i, &cell))
                        return false;
        return true;
}

static void set_geometry(SalvageFile *salvage, const unsigned char *header, uint64_t size_bytes)
{
        PageFile *file = &salvage->file;

        file->page_bytes = page_bytes_of(header);
        file->usable_bytes = file->page_bytes - header[HEADER_RESERVED];
        file->n_pages = (uint32_t) MIN_OF(
                        (size_bytes + file->page_bytes - 1) / file->page_bytes, (uint64_t) UINT32_MAX - 1);
        salvage->encoding = (unsigned char) page_get4(header + HEADER_ENCODING);
}

/* A header that makes sense may still be wrong; its page size is where that shows. */
static void choose_header(SalvageFile *salvage, const unsigned char *stand_in, uint64_t size_bytes)
{
        bool own = read_at(salvage->handle, 0, salvage->header, sizeof salvage->header) &&
                   makes_sense(salvage->header);

        if (own) {
                set_geometry(salvage, salvage->header, size_bytes);
                salvage->header_sound = true;
                if (page_bytes_of(stand_in) == salvage->file.page_bytes || root_fits(salvage))
                        return;
        }
        set_geometry(salvage, stand_in, size_bytes);
        if (own && !root_fits(salvage)) {
                set_geometry(salvage, salvage->header, size_bytes);
                return;
        }
        salvage->header_sound = false;
        memcpy(salvage->header, stand_in, sizeof salvage->header);
}

int salvage_file_open(const char *path,
                const unsigned char stand_in[static PAGE_FILE_HEADER_BYTES],
                const Progress *progress,
                SalvageFile *ret,
                Fault *fault)
{
        _cleanup_(salvage_file_done) SalvageFile salvage = {.file = {.progress = progress}};
        sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
        const char *name = sqlite3_create_filename(path, "", "", 0, NULL);
        sqlite3_int64 size_bytes = 0;
        int code;

        salvage.handle = calloc(1, (size_t) vfs->szOsFile);
        if (!name || !salvage.handle) {
                sqlite3_free_filename((char *) name);
                return fault_set_errno(fault, ENOMEM, "Opening %s", path);
        }
        code = vfs->xOpen(vfs, name, salvage.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, NULL);
        if (code == SQLITE_OK)
                code = salvage.handle->pMethods->xFileSize(salvage.handle, &size_bytes);
        sqlite3_free_filename((char *) name);
        if (code != SQLITE_OK)
                return fault_set(fault,
                                FAULT_CANNOT_OPEN,
                                "%s can't be opened: %s",
                                path,
                                sqlite3_errstr(code));
        salvage.file.file = salvage.handle;
        choose_header(&salvage, stand_in, (uint64_t) size_bytes);
        if (salvage.file.n_pages == 0)
                return fault_set(fault, FAULT_NOT_A_DATABASE, "%s is empty", path);
        salvage.n_uses = calloc(salvage.file.n_pages + UINT64_C(1), 1);
        salvage.taken = calloc(salvage.file.n_pages + UINT64_C(1), 1);
        if (!salvage.n_uses || !salvage.taken)
                return fault_set_errno(fault, ENOMEM, "Reading %s", path);
        *ret = salvage;
        salvage = (SalvageFile){0};
        return 0;
}

void salvage_file_done(SalvageFile *salvage)
{
        if (salvage->handle && salvage->handle->pMethods)
                (void) salvage->handle->pMethods->xClose(salvage->handle);
        free(salvage->handle);
        free(salvage->n_uses);
        free(salvage->taken);
        *salvage = (SalvageFile){0};
}

bool salvage_file_use(SalvageFile *salvage, uint32_t page)
{
        if (page == 0 || page > salvage->file.n_pages)
                return false;
        if (salvage->n_uses[page] < 2)
                salvage->n_uses[page]++;
        return true;
}

/* A page that a tree has is the tree's, whatever else says of it. */
static bool put_aside(SalvageFile *salvage, uint64_t page)
{
        if (page == 0 || page > salvage->file.n_pages || salvage->n_uses[page] > 0)
                return false;
        salvage->n_uses[page] = 1;
        salvage->taken[page] = 1;
        return true;
}

static bool put_free_pages_aside(SalvageFile *salvage)
{
        const PageFile *file = &salvage->file;
        uint32_t n_free = page_get4(salvage->header + HEADER_N_FREE);
        _cleanup_free_ unsigned char *page = malloc(file->page_bytes);

        for (uint32_t trunk = page_get4(salvage->header + HEADER_FREELIST); page && trunk != 0;) {
                uint32_t n_leaves;

                if (n_free-- == 0 || !page_file_read(file, trunk, 0, page, file->page_bytes) ||
                                !put_aside(salvage, trunk))
                        return false;
                trunk = page_get4(page);
                n_leaves = page_get4(page + 4);
                if (n_leaves > file->usable_bytes / 4 - 2 || n_leaves > n_free)
                        return false;
                n_free -= n_leaves;
                for (uint32_t i = 0; i < n_leaves; i++)
                        if (!put_aside(salvage, page_get4(page + 8 + (size_t) 4 * i)))
                                return false;
        }
        return page && n_free == 0;
}

bool salvage_file_put_others_aside(SalvageFile *salvage)
{
        uint64_t pending_page = PENDING_BYTE / salvage->file.page_bytes + 1;

        (void) put_aside(salvage, pending_page);
        if (page_get4(salvage->header + HEADER_LARGEST_ROOT) != 0)
                for (uint64_t page = 2; page <= salvage->file.n_pages;
                                page += salvage->file.usable_bytes / 5 + 1)
                        (void) put_aside(salvage, page == pending_page ? page + 1 : page);
        salvage->others_known = salvage->header_sound && put_free_pages_aside(salvage);
        return salvage->others_known;
}
