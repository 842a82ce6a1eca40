/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Getters for the Manager's vtable, with the Manager as user data. */

#include "daemon/bus/bus-argument.h"

PROPERTY_GETTER(property_get_version);
PROPERTY_GETTER(property_get_sqlite_version);
PROPERTY_GETTER(property_get_health);
PROPERTY_GETTER(property_get_health_reasons);
PROPERTY_GETTER(property_get_integrity);
PROPERTY_GETTER(property_get_journal_mode);
PROPERTY_GETTER(property_get_tables);
PROPERTY_GETTER(property_get_schema_differences);
PROPERTY_GETTER(property_get_configuration_faults);
PROPERTY_GETTER(property_get_settings);
PROPERTY_GETTER(property_get_encryption_recipients);
PROPERTY_GETTER(property_get_key_available);
PROPERTY_GETTER(property_get_auto_restore);
PROPERTY_GETTER(property_get_application_units);
PROPERTY_GETTER(property_get_last_restore_automatic);
PROPERTY_GETTER(property_get_can_undo_restore);
