/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/state/restore-state.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/publish.h"

#define DOCUMENT_MAX_BYTES MIB
#define DOCUMENT_MODE 0640

static int open_state_directory(const char *path, Fault *fault)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? fault_set_errno(fault, errno, "Opening %s", path) : fd;
}

int restore_state_load(const char *state_directory_path, const char *name, json_object **ret, Fault *fault)
{
        _cleanup_close_ int directory_fd = open_state_directory(state_directory_path, fault);
        _cleanup_(json_object_putp) json_object *document = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        if (directory_fd < 0)
                return directory_fd;
        r = io_read_file(directory_fd, name, DOCUMENT_MAX_BYTES, &text, NULL);
        if (r == -ENOENT)
                return fault_set(fault, FAULT_NOT_FOUND, "There is no %s/%s", state_directory_path, name);
        if (r < 0)
                return fault_set_errno(fault, r, "Reading %s/%s", state_directory_path, name);
        document = json_tokener_parse(text);
        if (!json_object_is_type(document, json_type_object))
                return fault_set(fault,
                                FAULT_CORRUPT,
                                "%s/%s is no JSON object; move it away after looking at it",
                                state_directory_path,
                                name);
        *ret = TAKE_PTR(document);
        return 0;
}

int restore_state_store(
                const char *state_directory_path, const char *name, json_object *document, Fault *fault)
{
        _cleanup_close_ int directory_fd = open_state_directory(state_directory_path, fault);
        _cleanup_(publish_freep) Publication *publication = NULL;
        const char *text = json_object_to_json_string_ext(
                        document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
        int r;

        if (directory_fd < 0)
                return directory_fd;
        if (!text)
                return fault_set_errno(fault, ENOMEM, "Writing %s/%s", state_directory_path, name);
        r = publish_begin(directory_fd, name, DOCUMENT_MODE, &publication, fault);
        if (r < 0)
                return r;
        r = io_write_all(publication->fd, text, strlen(text));
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s/%s", state_directory_path, name);
        return publish_commit(publication, true, fault);
}

int restore_state_remove(const char *state_directory_path, const char *name, Fault *fault)
{
        _cleanup_close_ int directory_fd = open_state_directory(state_directory_path, fault);

        return directory_fd < 0 ? directory_fd : publish_remove(directory_fd, name, fault);
}

/* 1 when it is there and of that type, 0 when it is missing. */
static int find_member(json_object *document, const char *key, json_type type, json_object **ret)
{
        if (!json_object_object_get_ex(document, key, ret))
                return 0;
        return json_object_is_type(*ret, type) ? 1 : -EUCLEAN;
}

int restore_state_get_text(json_object *document, const char *key, char **ret)
{
        json_object *member;
        char *text = NULL;
        int r = find_member(document, key, json_type_string, &member);

        if (r < 0)
                return r;
        if (r > 0) {
                text = strdup(json_object_get_string(member));
                if (!text)
                        return -ENOMEM;
        }
        *ret = text;
        return 0;
}

int restore_state_get_number(json_object *document, const char *key, uint64_t *ret)
{
        json_object *member;
        int r = find_member(document, key, json_type_int, &member);

        if (r < 0)
                return r;
        *ret = r > 0 ? json_object_get_uint64(member) : 0;
        return 0;
}

int restore_state_get_flag(json_object *document, const char *key, bool *ret)
{
        json_object *member;
        int r = find_member(document, key, json_type_boolean, &member);

        if (r < 0)
                return r;
        *ret = r > 0 && json_object_get_boolean(member);
        return 0;
}

static int add_member(json_object *document, const char *key, json_object *member)
{
        if (!member)
                return -ENOMEM;
        if (json_object_object_add(document, key, member) < 0) {
                (void) json_object_put(member);
                return -ENOMEM;
        }
        return 0;
}

int restore_state_set_text(json_object *document, const char *key, const char *text)
{
        return text ? add_member(document, key, json_object_new_string(text)) : 0;
}

int restore_state_set_number(json_object *document, const char *key, uint64_t number)
{
        return add_member(document, key, json_object_new_uint64(number));
}

int restore_state_set_flag(json_object *document, const char *key, bool flag)
{
        return add_member(document, key, json_object_new_boolean(flag));
}
