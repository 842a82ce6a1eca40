/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One page of a b-tree of a damaged file. */

#include "database/page/page-file.h"

/* Reads a page into `buffer`. The bytes of its header that make no sense are put right from its cells, where
 * these fill exactly the room that is not free. *ret_fits says whether they do. False when it is no such
 * page. */
bool salvage_page_read(const PageFile *file,
                uint32_t page,
                bool is_index,
                unsigned char *buffer,
                PageNode *ret,
                bool *ret_fits);
