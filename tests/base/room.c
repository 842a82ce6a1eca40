/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "room.h"

#include <fcntl.h>
#include <string.h>

#include "base/directory.h"
#include "base/io.h"

static char directory[64];
static int directory_fd = -EBADF;

int room_setup(void **state)
{
        (void) snprintf(directory, sizeof directory, "/tmp/oracxpred-base-XXXXXX");
        assert_non_null(mkdtemp(directory));
        directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(directory_fd >= 0);
        *state = directory;
        return 0;
}

int room_teardown(void **state)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};

        assert_int_equal(directory_list(directory_fd, &list), 0);
        for (size_t i = 0; i < list.n_names; i++)
                if (unlinkat(directory_fd, list.names[i], 0) < 0)
                        assert_int_equal(unlinkat(directory_fd, list.names[i], AT_REMOVEDIR), 0);
        (void) close(TAKE_FD(directory_fd));
        return rmdir(directory);
}

int room_fd(void)
{
        return directory_fd;
}

const char *room_path(const char *name)
{
        static char path[512];

        assert_true(snprintf(path, sizeof path, "%s/%s", directory, name) < (int) sizeof path);
        return path;
}

void room_write(const char *name, const char *text)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
}

char *room_read(const char *name)
{
        char *text;

        assert_int_equal(io_read_file(directory_fd, name, MIB, &text, NULL), 0);
        return text;
}

size_t room_count(void)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};

        assert_int_equal(directory_list(directory_fd, &list), 0);
        return list.n_names;
}
