/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

void directory_list_done(DirectoryList *list)
{
        for (size_t i = 0; i < list->n_names; i++)
                free(list->names[i]);
        free(list->names);
        *list = (DirectoryList){0};
}

static int append(DirectoryList *list, size_t *capacity, const char *name)
{
        if (list->n_names == *capacity) {
                size_t wanted = MAX_OF(*capacity * 2, (size_t) 64);
                char **names = reallocarray(list->names, wanted, sizeof *names);

                if (!names)
                        return -ENOMEM;
                list->names = names;
                *capacity = wanted;
        }
        list->names[list->n_names] = strdup(name);
        if (!list->names[list->n_names])
                return -ENOMEM;
        list->n_names++;
        return 0;
}

static int read_names(DIR *directory, DirectoryList *list)
{
        size_t capacity = 0;

        for (;;) {
                const struct dirent *entry;
                int r;

                errno = 0;
                entry = readdir(directory);
                if (!entry)
                        return -errno;
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                r = append(list, &capacity, entry->d_name);
                if (r < 0)
                        return r;
        }
}

int directory_list(int directory_fd, DirectoryList *ret)
{
        _cleanup_(directory_list_done) DirectoryList list = {0};
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
        DIR *directory;

        if (fd < 0)
                return -errno;
        directory = fdopendir(fd);
        if (!directory) {
                r = -errno;
                (void) close(fd);
                return r;
        }
        r = read_names(directory, &list);
        (void) closedir(directory);
        if (r < 0)
                return r;
        *ret = list;
        list = (DirectoryList){0};
        return 0;
}
