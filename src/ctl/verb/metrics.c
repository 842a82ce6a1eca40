/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* metrics: figures for a monitoring system, to standard output or as a file that is replaced whole. A
 * service that doesn't answer is a figure, too: what is watched must not go on saying what was true an hour
 * ago. */

#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/names.h"
#include "base/publish.h"
#include "ctl/call/output-file.h"
#include "ctl/show/text.h"
#include "ctl/verb/verbs.h"
#include "ctl/view/metrics.h"

/* Others than who writes it are to read it: node_exporter runs as a user of its own. */
#define FILE_MODE 0644

static int read_format(const Arguments *arguments, MetricsFormat *ret, Fault *fault)
{
        MetricsFormat format = arguments->style ? metrics_format_from_string(arguments->style)
                                                : METRICS_OPENMETRICS;

        if (format < 0)
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "There is no format '%s'. It is openmetrics or prometheus.",
                                arguments->style);
        *ret = format;
        return 0;
}

static int write_file(const char *path, const char *text, size_t size, Fault *fault)
{
        _cleanup_(publish_freep) Publication *publication = NULL;
        _cleanup_close_ int directory_fd = -EBADF;
        const char *name;
        int r = output_file_locate(path, &directory_fd, &name, fault);

        if (r >= 0)
                r = publish_begin(directory_fd, name, FILE_MODE, &publication, fault);
        if (r < 0)
                return r;
        r = io_write_all(publication->fd, text, size);
        if (r < 0)
                return fault_set_errno(fault, r, "Writing %s", path);
        return publish_commit(publication, true, fault);
}

static int write_metrics(
                const Arguments *arguments, MetricsFormat format, json_object *properties, Fault *fault)
{
        const char *path = arguments->n_operands > 0 ? arguments->operands[0] : "-";
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return fault_set_errno(fault, errno, "Writing the metrics");
        metrics_write(properties, format, stream);
        if (fclose(stream) != 0)
                return fault_set_errno(fault, errno, "Writing the metrics");
        if (strcmp(path, "-") != 0)
                return write_file(path, text, size, fault);
        /* The labels' values hold text from elsewhere, and the format escapes no control characters. */
        if (isatty(STDOUT_FILENO))
                text_print_lines(stdout, text);
        else
                (void) fwrite(text, 1, size, stdout);
        return 0;
}

/* The Manager's, and the cache's where there is one. */
static int read_properties(Session *session, json_object **ret, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL, *cache = NULL;
        int r = session_get_properties(session, BUS_PATH, BUS_INTERFACE_MANAGER, &properties, fault);

        if (r < 0)
                return r;
        if (session_get_properties(session, BUS_PATH, BUS_INTERFACE_PREDICTIONS, &cache, NULL) >= 0) {
                json_object_object_foreach (cache, key, value) {
                        r = document_put(properties, key, json_object_get(value));
                        if (r < 0)
                                return session_set_errno(r, fault);
                }
        }
        *ret = TAKE_PTR(properties);
        return 0;
}

int verb_metrics(Session *session, Fault *fault)
{
        _cleanup_json_ json_object *properties = NULL;
        _cleanup_fault_ Fault down = {0};
        MetricsFormat format = METRICS_OPENMETRICS;
        int r, q;

        if (session_json(session))
                return fault_set(fault,
                                FAULT_INVALID_ARGUMENT,
                                "Metrics have a form of their own; `oracxpredctl --json stats` has the "
                                "figures as a document.");
        r = read_format(session->arguments, &format, fault);
        if (r < 0)
                return r;
        /* Who watches a service doesn't start it. */
        session->no_auto_start = true;
        r = session_open(session, &down);
        if (r >= 0)
                r = read_properties(session, &properties, &down);
        if (r < 0 && down.code != FAULT_NOT_RUNNING) {
                fault_move(fault, &down);
                return r;
        }
        q = write_metrics(session->arguments, format, properties, fault);
        if (q < 0 || r >= 0)
                return MIN_OF(q, 0);
        fault_move(fault, &down);
        return r;
}
