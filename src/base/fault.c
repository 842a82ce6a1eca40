/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fault.h"

#include <stdarg.h>
#include <string.h>

#include "base/names.h"
#include "base/utf8.h"

/* Exit codes 1 and 2 stay free for "failed" and "wrong usage" as every tool has them; the rest are stable
 * numbers that monitoring may rely on. Never renumber. */
static const struct {
        const char *bus_name;
        int error;
        int exit_code;
} fault_table[_FAULT_MAX] = {
                [FAULT_NONE] = {ERROR_PREFIX "None", 0, 0},
                [FAULT_FAILED] = {ERROR_PREFIX "Failed", EBADE, 1},
                [FAULT_INVALID_ARGUMENT] = {ERROR_PREFIX "InvalidArgument", EINVAL, 2},
                [FAULT_NOT_FOUND] = {ERROR_PREFIX "NotFound", ENXIO, 10},
                [FAULT_NOT_SUPPORTED] = {ERROR_PREFIX "NotSupported", EOPNOTSUPP, 11},
                [FAULT_ACCESS_DENIED] = {"org.freedesktop.DBus.Error.AccessDenied", EACCES, 12},
                [FAULT_BUSY] = {ERROR_PREFIX "Busy", EBUSY, 13},
                [FAULT_CANCELLED] = {ERROR_PREFIX "Cancelled", ECANCELED, 14},
                [FAULT_NO_SPACE] = {ERROR_PREFIX "NoSpace", ENOSPC, 15},
                [FAULT_READ_ONLY] = {ERROR_PREFIX "ReadOnly", EROFS, 16},
                [FAULT_PERMISSION] = {ERROR_PREFIX "Permission", EPERM, 17},
                [FAULT_CANNOT_OPEN] = {ERROR_PREFIX "CannotOpen", ENOENT, 18},
                [FAULT_IO] = {ERROR_PREFIX "InputOutput", EIO, 19},
                [FAULT_CORRUPT] = {ERROR_PREFIX "Corrupt", EUCLEAN, 20},
                [FAULT_NOT_A_DATABASE] = {ERROR_PREFIX "NotADatabase", EBADMSG, 21},
                [FAULT_NO_HEALTHY_BACKUP] = {ERROR_PREFIX "NoHealthyBackup", ENODATA, 22},
                [FAULT_KEY_UNAVAILABLE] = {ERROR_PREFIX "KeyUnavailable", ENOKEY, 23},
                [FAULT_DATABASE_IN_USE] = {ERROR_PREFIX "DatabaseInUse", ETXTBSY, 24},
                [FAULT_UNSAFE_FILE_SYSTEM] = {ERROR_PREFIX "UnsafeFileSystem", EMEDIUMTYPE, 25},
                [FAULT_ALREADY_RUNNING] = {ERROR_PREFIX "AlreadyRunning", EALREADY, 26},
                [FAULT_CONFIGURATION] = {ERROR_PREFIX "Configuration", EBADR, 27},
                [FAULT_NOT_RUNNING] = {ERROR_PREFIX "NotRunning", EHOSTDOWN, 28},
                [FAULT_LOCKED] = {ERROR_PREFIX "Locked", ENOLCK, 29},
                [FAULT_CONFLICT] = {ERROR_PREFIX "Conflict", EEXIST, 30},
                [FAULT_NEEDS_DECISION] = {ERROR_PREFIX "NeedsDecision", EBADRQC, 31},
};

void fault_done(Fault *fault)
{
        free(fault->message);
        *fault = (Fault){0};
}

static int fault_fill(Fault *fault, FaultCode code, char *message)
{
        if (fault) {
                fault_done(fault);
                fault->code = code;
                /* Out of memory for the text must not lose the code. */
                fault->message = message ? message : strdup(fault_name(code));
                if (fault->message)
                        utf8_make_line(fault->message);
        } else
                free(message);
        return fault_errno(code);
}

int fault_set(Fault *fault, FaultCode code, const char *format, ...)
{
        char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&message, format, arguments) < 0)
                message = NULL;
        va_end(arguments);
        return fault_fill(fault, code, message);
}

int fault_set_errno(Fault *fault, int error, const char *format, ...)
{
        _cleanup_free_ char *what = NULL;
        char *message = NULL;
        va_list arguments;
        int positive = error < 0 ? -error : error;
        const char *description = strerrordesc_np(positive);

        va_start(arguments, format);
        if (vasprintf(&what, format, arguments) < 0)
                what = NULL;
        va_end(arguments);
        if (!what || asprintf(&message, "%s: %s", what, description ? description : "unknown error") < 0)
                message = NULL;
        return fault_fill(fault, fault_code_from_errno(positive), message);
}

int fault_prefix(Fault *fault, int r, const char *format, ...)
{
        _cleanup_free_ char *prefix = NULL;
        char *message = NULL;
        va_list arguments;

        if (!fault)
                return r;

        va_start(arguments, format);
        if (vasprintf(&prefix, format, arguments) < 0)
                prefix = NULL;
        va_end(arguments);
        if (prefix && asprintf(&message, "%s: %s", prefix, fault->message ? fault->message : "failed") >=
                                        0) {
                free(fault->message);
                fault->message = message;
                utf8_make_line(fault->message);
        }
        return r;
}

void fault_move(Fault *target, Fault *source)
{
        fault_done(target);
        *target = *source;
        *source = (Fault){0};
}

FaultCode fault_code_from_errno(int error)
{
        switch (error < 0 ? -error : error) {
        case 0:
                return FAULT_NONE;
        case EINVAL:
        case ENAMETOOLONG:
                return FAULT_INVALID_ARGUMENT;
        case EACCES:
        case EPERM:
                return FAULT_PERMISSION;
        case ENOENT:
        case ENOTDIR:
        case EISDIR:
        case ELOOP:
                return FAULT_CANNOT_OPEN;
        case EDQUOT:
        case ENOSPC:
        case EFBIG:
                return FAULT_NO_SPACE;
        case EROFS:
                return FAULT_READ_ONLY;
        case EBUSY:
                return FAULT_BUSY;
        case ECANCELED:
                return FAULT_CANCELLED;
        case EIO:
                return FAULT_IO;
        default:
                return FAULT_FAILED;
        }
}

const char *fault_bus_name(FaultCode code)
{
        return fault_table[code].bus_name;
}

const char *fault_name(FaultCode code)
{
        return strrchr(fault_table[code].bus_name, '.') + 1;
}

FaultCode fault_code_from_bus_name(const char *bus_name)
{
        for (FaultCode code = 0; code < _FAULT_MAX; code++)
                if (strcmp(fault_table[code].bus_name, bus_name) == 0)
                        return code;
        return _FAULT_INVALID;
}

int fault_errno(FaultCode code)
{
        return -fault_table[code].error;
}

int fault_exit_code(FaultCode code)
{
        return fault_table[code].exit_code;
}
