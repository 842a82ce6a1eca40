/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one line of an `integrity_check` means, in the words of SQLite 3.40 to 3.53: a pure function of the
 * text. The words name a page of a b-tree and not what the b-tree is; check.h asks the file for that. */

#include "base/macro.h"

typedef enum FindingKind {
        FINDING_RULE,       /* a row breaks a constraint of its table; it is intact as stored */
        FINDING_INDEX,      /* an index, or an inverted index of FTS, does not have what its table has */
        FINDING_FREE_PAGES, /* freelist, pointer map, a page that nothing uses: no row is touched */
        FINDING_PAGE,       /* a page of a b-tree is damaged: a table's or an index's */
        FINDING_ORDER,      /* rows of a table WITHOUT ROWID are not in the order of their primary key */
        FINDING_UNCHECKED,  /* SQLite could not look: it lacks what the schema names */
        FINDING_CONTENT,    /* anything else */
        _FINDING_KIND_MAX,
        _FINDING_KIND_INVALID = -EINVAL,
} FindingKind;

typedef struct Finding {
        FindingKind kind;
        uint32_t page; /* of FINDING_PAGE; 0 when the words name none */
} Finding;

/* Reads one line of `length` bytes; `text` may go on behind it. */
Finding finding_read(const char *text, size_t length);
