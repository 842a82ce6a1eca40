/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup/catalogue/sharing.h"

#include <string.h>

const char *manifest_chain(const Manifest *manifest)
{
        return manifest->chain ? manifest->chain : manifest->name;
}

static bool is_one_chain(const Manifest *a, const Manifest *b)
{
        const char *chain_a = manifest_chain(a), *chain_b = manifest_chain(b);

        return (chain_a && chain_b && strcmp(chain_a, chain_b) == 0) || manifest_shares_bytes(a, b);
}

bool chain_begins(const Manifest **last, const Manifest *manifest)
{
        bool begins = !*last || !is_one_chain(*last, manifest);

        /* Nothing builds on what others made, wherever its name puts it. */
        if (!manifest->adopted)
                *last = manifest;
        return begins;
}

static uint64_t begun_usec(const Catalogue *catalogue, const Manifest *newest)
{
        uint64_t begun = newest->created_usec;

        for (size_t i = 0; i < catalogue->n_entries; i++)
                if (is_one_chain(catalogue->entries[i].manifest, newest))
                        begun = MIN_OF(begun, catalogue->entries[i].manifest->created_usec);
        return begun;
}

bool sharing_is_over(const Catalogue *catalogue,
                const Manifest *older,
                unsigned minimum_verified,
                uint64_t now_usec)
{
        uint64_t begun = begun_usec(catalogue, older);
        const Manifest *last = NULL;
        size_t n_chains = 0;

        for (size_t i = 0; i < catalogue->n_entries; i++) {
                const CatalogueEntry *entry = catalogue->entries + i;

                if (!entry->other && manifest_is_verified(entry->manifest))
                        n_chains += chain_begins(&last, entry->manifest);
        }
        return n_chains < MAX_OF(minimum_verified, 1U) || begun > now_usec ||
               now_usec - begun > SHARING_BOUND_USEC;
}
