/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The numbers of a rescue, taken from the result before its connection is closed. */

#include "database/rescue/rescue-tables.h"

int rescue_report_make(const SalvageFile *file,
                const RescueItems *items,
                const TableCount *known,
                size_t n_known,
                RescueReport *ret,
                Fault *fault);
