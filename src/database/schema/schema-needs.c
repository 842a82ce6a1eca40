/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The columns that the service itself works with, and what it can't do where one is missing. Of the
 * application's other tables and columns it needs nothing. */

#include "base/macro.h"
#include "database/schema/schema.h"

#define USERS(column, kind, cost)                         \
        {                                                 \
                "users", column, SCHEMA_NEED_##kind, cost \
        }
#define PREDICTIONS(column, kind, cost)                         \
        {                                                       \
                "predictions", column, SCHEMA_NEED_##kind, cost \
        }
#define SYSTEM(column, kind, cost)                              \
        {                                                       \
                "system_logs", column, SCHEMA_NEED_##kind, cost \
        }
#define ACCESS(column, kind, cost)                              \
        {                                                       \
                "access_logs", column, SCHEMA_NEED_##kind, cost \
        }
#define LEFT_OUT "what a caller gives for it is refused"

const SchemaNeed schema_needs[] = {
                USERS("id", KEY, NULL),
                USERS("username", NAME, NULL),
                USERS("password", TEXT, NULL),
                USERS("email", TEXT, "accounts have no address"),
                USERS("unique_id", TEXT, "accounts have no UUID"),
                USERS("is_admin", NUMBER, "nobody can be an administrator"),
                USERS("is_approved", NUMBER, "every account is approved"),
                USERS("is_active", NUMBER, "accounts can't be disabled"),
                USERS("subscription_plan", TEXT, "accounts have no plan"),
                USERS("subscription_status", TEXT, "accounts have no subscription"),
                USERS("subscription_expires_at", ANY, "subscriptions have no end"),
                USERS("created_at", ANY, "when an account was made is not known"),
                USERS("last_login_at", ANY, "when somebody last signed in is not known"),

                PREDICTIONS("id", KEY, NULL),
                PREDICTIONS("match_id", NUMBER, NULL),
                PREDICTIONS("team1", TEXT, LEFT_OUT),
                PREDICTIONS("team2", TEXT, LEFT_OUT),
                PREDICTIONS("league", TEXT, LEFT_OUT),
                PREDICTIONS("consensus_type", TEXT, LEFT_OUT),
                PREDICTIONS("consensus_result", TEXT, LEFT_OUT),
                PREDICTIONS("consensus_probability", NUMBER, LEFT_OUT),
                PREDICTIONS("confidence", NUMBER, LEFT_OUT),
                PREDICTIONS("recommended_odd", NUMBER, LEFT_OUT),
                PREDICTIONS("recommended_action", TEXT, LEFT_OUT),
                PREDICTIONS("votes_statistique", NUMBER, LEFT_OUT),
                PREDICTIONS("votes_cotes", NUMBER, LEFT_OUT),
                PREDICTIONS("votes_simulation", NUMBER, LEFT_OUT),
                PREDICTIONS("votes_forme", NUMBER, LEFT_OUT),
                PREDICTIONS("is_valid", NUMBER, "predictions can't be invalidated"),
                PREDICTIONS("is_locked", NUMBER, "predictions can't be locked"),
                PREDICTIONS("invalidated_by", NUMBER, "who invalidated a prediction is not known"),
                PREDICTIONS("invalidated_at", ANY, "when a prediction was invalidated is not known"),
                PREDICTIONS("created_at", ANY, "predictions can't be listed by day"),
                PREDICTIONS("updated_at", ANY, "when a prediction was last changed is not known"),
                PREDICTIONS("extra_data", ANY, LEFT_OUT),

                SYSTEM("id", KEY, NULL),
                SYSTEM("action_type", TEXT, NULL),
                SYSTEM("message", TEXT, NULL),
                SYSTEM("created_at", ANY, NULL),
                SYSTEM("severity", TEXT, "rows can't be told apart by severity"),
                SYSTEM("user_id", NUMBER, "rows do not say whom they are about"),
                SYSTEM("admin_id", NUMBER, "rows do not say which administrator acted"),
                SYSTEM("extra_data", ANY, "rows do not say who called"),
                SYSTEM("ip_address", TEXT, "rows have no address"),

                ACCESS("id", KEY, NULL),
                ACCESS("user_id", NUMBER, NULL),
                ACCESS("action_type", TEXT, NULL),
                ACCESS("created_at", ANY, NULL),
                ACCESS("match_id", NUMBER, "rows do not say which match was seen"),
                ACCESS("prediction_id", NUMBER, "rows do not say which prediction was seen"),
                ACCESS("subscription_plan", TEXT, "rows do not say under which plan"),
                ACCESS("ip_address", TEXT, "rows have no address"),
                ACCESS("extra_data", ANY, "rows have no further data"),
};

const size_t schema_n_needs = ELEMENTSOF(schema_needs);
