/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every name that somebody outside this process may depend on: bus names and paths, journal fields and
 * message ids, file names on disk. One place, so that a grep answers "who else uses this?". */

#define BUS_NAME "org.oracxpred.Persistence1"
#define BUS_PATH "/org/oracxpred/Persistence1"
#define BUS_PATH_BACKUP BUS_PATH "/backup"
#define BUS_PATH_JOB BUS_PATH "/job"
#define BUS_INTERFACE_MANAGER BUS_NAME ".Manager"
#define BUS_INTERFACE_BACKUP BUS_NAME ".Backup"
#define BUS_INTERFACE_JOB BUS_NAME ".Job"
#define BUS_INTERFACE_ACCOUNTS BUS_NAME ".Accounts"
#define BUS_INTERFACE_PREDICTIONS BUS_NAME ".Predictions"
#define BUS_INTERFACE_AUDIT BUS_NAME ".Audit"
#define BUS_PATH_LOG_CONTROL "/org/freedesktop/LogControl1"
#define ERROR_PREFIX BUS_NAME ".Error."

#define DATABASE_FILE "oracxpred.db"
#define DATA_DIRECTORY "data"
#define BACKUP_DIRECTORY "backups"
#define QUARANTINE_DIRECTORY "quarantine"
#define SIGN_IN_FAILURES_FILE "sign-in-failures.db"
/* Where polkit reads the rule that `oracxpredctl units-rule` prints. */
#define UNITS_RULE_PATH "/etc/polkit-1/rules.d/50-oracxpred-application-units.rules"

#define AUTO_RESTORE_STOPPED_FILE "auto-restore-stopped.json"

/* Journal fields, beside the standard ones (man 7 systemd.journal-fields). */
#define FIELD_OPERATION "ORACXPRED_OPERATION"
#define FIELD_JOB "ORACXPRED_JOB"
#define FIELD_BACKUP "ORACXPRED_BACKUP"
#define FIELD_KIND "ORACXPRED_KIND"
#define FIELD_FAULT "ORACXPRED_FAULT"
#define FIELD_FILE "ORACXPRED_FILE"
#define FIELD_BYTES "ORACXPRED_BYTES"
#define FIELD_STORED_BYTES "ORACXPRED_STORED_BYTES"
#define FIELD_DURATION_USEC "ORACXPRED_DURATION_USEC"
#define FIELD_CALLER_UID "ORACXPRED_CALLER_UID"
#define FIELD_CALLER_PID "ORACXPRED_CALLER_PID"
#define FIELD_CALLER_PROCESS "ORACXPRED_CALLER_PROCESS"
#define FIELD_CALLER_UNIT "ORACXPRED_CALLER_UNIT"
#define FIELD_CALLER_SESSION "ORACXPRED_CALLER_SESSION"
#define FIELD_OBJECT "ORACXPRED_OBJECT"
#define FIELD_OUTCOME "ORACXPRED_OUTCOME"

/* Each has an entry of the same number in systemd/oracxpred.catalog; a test compares the two lists. */
#define MESSAGE_BACKUP_CREATED_ID "a49ed3bf4690487da8a7973f0ccd22f6"
#define MESSAGE_BACKUP_FAILED_ID "c6d7257022044003beb94713be57a699"
#define MESSAGE_BACKUP_REMOVED_ID "623afdf451b142a597207551d0145837"
#define MESSAGE_BACKUP_VERIFIED_ID "c82fd928a0154d88868165f773d47cbd"
#define MESSAGE_VERIFICATION_FAILED_ID "337a61a227ab479bacbfc22b20785fdc"
#define MESSAGE_CORRUPTION_DETECTED_ID "cd74a7eea0eb443da04bd13707e6c640"
#define MESSAGE_DATABASE_CREATED_ID "e2bef8c9092f4487a70e9e6d899ac24a"
#define MESSAGE_SCHEMA_CHANGED_ID "d93193014c944adaad357b71695b939a"
#define MESSAGE_SCHEMA_DIFFERS_ID "fa698a5f82c74730864e0cb5e2f51d77"
#define MESSAGE_STARTUP_FAULT_ID "d05977502ae844ad9ea23bc35c455918"
#define MESSAGE_CONFIGURATION_FAULT_ID "9c8f97b93b7243d3a0186665faff427e"
#define MESSAGE_JOB_FAILED_ID "91303a6d768147809e90911f507c9adb"
#define MESSAGE_DATABASE_RESTORED_ID "e0a272c9e9bd4d6291fec94f6d8f879a"
#define MESSAGE_RESTORE_FAILED_ID "5c3103b3f6b345ea8bf1a2d6a62e55c9"
#define MESSAGE_AUTO_RESTORE_STOPPED_ID "9b68cdab6ab740d8b468dbf57b35f45b"
#define MESSAGE_NO_HEALTHY_BACKUP_ID "1891f3dd15f140ea87fd190548626793"
#define MESSAGE_DATABASE_REPLACED_ID "7c7110d2f6c24af9a72b6f6c2881fa07"
#define MESSAGE_CALL_ENDED_ID "4ebbf928c9a3410e9bd560e7e1fe3502"
#define MESSAGE_CALL_REFUSED_ID "25551eab096a441db6470c782bd9e148"
