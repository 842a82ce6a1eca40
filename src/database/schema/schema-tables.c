/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of the application, as its models declare them: what a new database is made of, and what an old
 * one is compared with. Data only; schema.c and schema-compare.c act on it. A change of a table needs a new
 * step in schema.c; a further index comes with the next start. */

#include "base/macro.h"
#include "database/schema/schema.h"

#define TABLE(name, columns)                                                   \
        {                                                                      \
                "table", name, name, "CREATE TABLE " name " (\n" columns "\n)" \
        }

/* For every column that the models mark as indexed and for every foreign key, but where a UNIQUE constraint
 * has made an index already; and for what the service itself looks for in the logs (log-page.c) and in the
 * predictions (prediction-query.c). Named as SQLAlchemy does, so that both find each other's. */
#define INDEX(table, column)                                                                     \
        {                                                                                        \
                "index", "ix_" table "_" column, table,                                          \
                                "CREATE INDEX ix_" table "_" column " ON " table " (" column ")" \
        }

const SchemaObject schema_objects[] = {
                TABLE("users",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "username VARCHAR(80) NOT NULL UNIQUE,\n"
                                "email VARCHAR(120) UNIQUE,\n"
                                "password VARCHAR(255) NOT NULL,\n"
                                "profile_photo VARCHAR(255),\n"
                                "is_admin BOOLEAN DEFAULT 0,\n"
                                "is_approved BOOLEAN DEFAULT 0,\n"
                                "is_active BOOLEAN DEFAULT 1,\n"
                                "subscription_plan VARCHAR(20) DEFAULT 'free',\n"
                                "subscription_status VARCHAR(20) DEFAULT 'inactive',\n"
                                "subscription_expires_at DATETIME,\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
                                "last_login_at DATETIME,\n"
                                "ip_address VARCHAR(45),\n"
                                "unique_id VARCHAR(36) UNIQUE"),
                TABLE("predictions",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "match_id INTEGER NOT NULL,\n"
                                "team1 VARCHAR(200) NOT NULL,\n"
                                "team2 VARCHAR(200) NOT NULL,\n"
                                "league VARCHAR(200) NOT NULL,\n"
                                "consensus_type VARCHAR(50) NOT NULL,\n"
                                "consensus_result TEXT NOT NULL,\n"
                                "consensus_probability REAL NOT NULL,\n"
                                "confidence REAL NOT NULL,\n"
                                "recommended_odd REAL,\n"
                                "recommended_action VARCHAR(100) NOT NULL,\n"
                                "votes_statistique BOOLEAN DEFAULT 0,\n"
                                "votes_cotes BOOLEAN DEFAULT 0,\n"
                                "votes_simulation BOOLEAN DEFAULT 0,\n"
                                "votes_forme BOOLEAN DEFAULT 0,\n"
                                "is_valid BOOLEAN DEFAULT 1,\n"
                                "is_locked BOOLEAN DEFAULT 0,\n"
                                "invalidated_by INTEGER REFERENCES users (id),\n"
                                "invalidated_at DATETIME,\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
                                "updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
                                "extra_data TEXT"),
                TABLE("alerts",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "alert_type VARCHAR(50) NOT NULL,\n"
                                "severity VARCHAR(20) DEFAULT 'warning',\n"
                                "message TEXT NOT NULL,\n"
                                "prediction_id INTEGER REFERENCES predictions (id),\n"
                                "match_id INTEGER,\n"
                                "is_acknowledged BOOLEAN DEFAULT 0,\n"
                                "acknowledged_by INTEGER REFERENCES users (id),\n"
                                "acknowledged_at DATETIME,\n"
                                "extra_data TEXT,\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP"),
                TABLE("access_logs",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "user_id INTEGER NOT NULL REFERENCES users (id),\n"
                                "action_type VARCHAR(50) NOT NULL,\n"
                                "match_id INTEGER,\n"
                                "prediction_id INTEGER REFERENCES predictions (id),\n"
                                "subscription_plan VARCHAR(20),\n"
                                "ip_address VARCHAR(45),\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
                                "extra_data TEXT"),
                TABLE("system_logs",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "action_type VARCHAR(50) NOT NULL,\n"
                                "user_id INTEGER REFERENCES users (id),\n"
                                "admin_id INTEGER REFERENCES users (id),\n"
                                "message TEXT NOT NULL,\n"
                                "severity VARCHAR(20) DEFAULT 'info',\n"
                                "extra_data TEXT,\n"
                                "ip_address VARCHAR(45),\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP"),
                TABLE("matches_archive",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "match_id INTEGER NOT NULL UNIQUE,\n"
                                "jeu VARCHAR(50) NOT NULL,\n"
                                "mode VARCHAR(50),\n"
                                "ligue VARCHAR(200) NOT NULL,\n"
                                "equipe_1 VARCHAR(200) NOT NULL,\n"
                                "equipe_2 VARCHAR(200) NOT NULL,\n"
                                "date_heure_match DATETIME NOT NULL,\n"
                                "cote_1 REAL,\n"
                                "\"cote_X\" REAL,\n"
                                "cote_2 REAL,\n"
                                "score_final_equipe_1 INTEGER,\n"
                                "score_final_equipe_2 INTEGER,\n"
                                "resultat_reel VARCHAR(50),\n"
                                "statut_final VARCHAR(50) DEFAULT 'en_cours',\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "archived_by INTEGER REFERENCES users (id),\n"
                                "is_locked BOOLEAN DEFAULT 0,\n"
                                "extra_data TEXT"),
                TABLE("predictions_archive",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "match_id INTEGER NOT NULL REFERENCES matches_archive (match_id),\n"
                                "prediction_id INTEGER REFERENCES predictions (id),\n"
                                "consensus_type VARCHAR(50) NOT NULL,\n"
                                "choix TEXT NOT NULL,\n"
                                "probabilite REAL NOT NULL,\n"
                                "confiance REAL NOT NULL,\n"
                                "vote_statistique BOOLEAN DEFAULT 0,\n"
                                "vote_cotes BOOLEAN DEFAULT 0,\n"
                                "vote_simulation BOOLEAN DEFAULT 0,\n"
                                "vote_forme BOOLEAN DEFAULT 0,\n"
                                "consensus BOOLEAN DEFAULT 0,\n"
                                "resultat_reel VARCHAR(50),\n"
                                "prediction_correcte BOOLEAN,\n"
                                "ecart_probabilite REAL,\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "finalized_at DATETIME,\n"
                                "extra_data TEXT"),
                TABLE("model_performance",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "date_debut DATETIME NOT NULL,\n"
                                "date_fin DATETIME NOT NULL,\n"
                                "total_predictions INTEGER DEFAULT 0,\n"
                                "predictions_correctes INTEGER DEFAULT 0,\n"
                                "taux_reussite REAL,\n"
                                "taux_reussite_statistique REAL,\n"
                                "taux_reussite_cotes REAL,\n"
                                "taux_reussite_simulation REAL,\n"
                                "taux_reussite_forme REAL,\n"
                                "taux_reussite_consensus REAL,\n"
                                "moyenne_confiance REAL,\n"
                                "moyenne_probabilite REAL,\n"
                                "ecart_moyen_probabilite REAL,\n"
                                "taux_reussite_1x2 REAL,\n"
                                "taux_reussite_alternatifs REAL,\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "extra_data TEXT"),
                TABLE("anomaly_logs",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "match_id INTEGER REFERENCES matches_archive (match_id),\n"
                                "prediction_archive_id INTEGER REFERENCES predictions_archive (id),\n"
                                "anomaly_type VARCHAR(50) NOT NULL,\n"
                                "severity VARCHAR(20) DEFAULT 'warning',\n"
                                "description TEXT NOT NULL,\n"
                                "detected_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "context_data TEXT,\n"
                                "is_resolved BOOLEAN DEFAULT 0,\n"
                                "resolved_by INTEGER REFERENCES users (id),\n"
                                "resolved_at DATETIME,\n"
                                "resolution_notes TEXT"),
                TABLE("subscription_plans",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "name VARCHAR(100) NOT NULL UNIQUE,\n"
                                "description TEXT,\n"
                                "predictions_per_day INTEGER NOT NULL DEFAULT 3,\n"
                                "duration_days INTEGER NOT NULL,\n"
                                "duration_type VARCHAR(20) NOT NULL,\n"
                                "price_fcfa REAL NOT NULL,\n"
                                "is_active BOOLEAN DEFAULT 1,\n"
                                "created_by INTEGER NOT NULL REFERENCES users (id),\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
                                "updated_at DATETIME DEFAULT CURRENT_TIMESTAMP"),
                TABLE("user_subscriptions",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "user_id INTEGER NOT NULL REFERENCES users (id),\n"
                                "plan_id INTEGER NOT NULL REFERENCES subscription_plans (id),\n"
                                "start_date DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "expires_at DATETIME NOT NULL,\n"
                                "is_active BOOLEAN DEFAULT 1,\n"
                                "auto_renew BOOLEAN DEFAULT 0,\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
                                "extra_data TEXT"),
                TABLE("user_prediction_access",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "user_id INTEGER NOT NULL REFERENCES users (id),\n"
                                "prediction_id INTEGER NOT NULL REFERENCES predictions (id),\n"
                                "access_date DATE NOT NULL,\n"
                                "accessed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP"),
                TABLE("notifications",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "user_id INTEGER REFERENCES users (id),\n"
                                "is_global BOOLEAN DEFAULT 0,\n"
                                "title VARCHAR(200) NOT NULL,\n"
                                "message TEXT NOT NULL,\n"
                                "priority VARCHAR(20) DEFAULT 'normal',\n"
                                "notification_type VARCHAR(50) DEFAULT 'info',\n"
                                "display_duration INTEGER DEFAULT 5000,\n"
                                "is_read BOOLEAN DEFAULT 0,\n"
                                "read_at DATETIME,\n"
                                "expires_at DATETIME,\n"
                                "created_by INTEGER NOT NULL REFERENCES users (id),\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "channels TEXT"),
                TABLE("persistent_sessions",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "user_id INTEGER NOT NULL REFERENCES users (id),\n"
                                "session_token VARCHAR(255) NOT NULL UNIQUE,\n"
                                "session_data TEXT,\n"
                                "expires_at DATETIME NOT NULL,\n"
                                "last_activity DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "ip_address VARCHAR(45),\n"
                                "user_agent VARCHAR(255),\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP"),
                TABLE("backup_logs",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "backup_type VARCHAR(20) NOT NULL,\n"
                                "backup_path VARCHAR(500) NOT NULL,\n"
                                "file_size BIGINT,\n"
                                "status VARCHAR(20) DEFAULT 'success',\n"
                                "error_message TEXT,\n"
                                "tables_backed_up TEXT,\n"
                                "created_by INTEGER REFERENCES users (id),\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP"),
                TABLE("prediction_schedules",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "predictions_per_day INTEGER NOT NULL DEFAULT 3,\n"
                                "publication_times TEXT,\n"
                                "publication_delays TEXT,\n"
                                "is_active BOOLEAN DEFAULT 1,\n"
                                "created_by INTEGER NOT NULL REFERENCES users (id),\n"
                                "created_at DATETIME DEFAULT CURRENT_TIMESTAMP,\n"
                                "updated_at DATETIME DEFAULT CURRENT_TIMESTAMP"),
                TABLE("collected_matches",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "unique_match_id VARCHAR(100) NOT NULL UNIQUE,\n"
                                "jeu VARCHAR(50) NOT NULL,\n"
                                "equipe_domicile VARCHAR(200) NOT NULL,\n"
                                "equipe_exterieur VARCHAR(200) NOT NULL,\n"
                                "heure_debut DATETIME NOT NULL,\n"
                                "heure_fin DATETIME,\n"
                                "timestamp_enregistrement DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "score_domicile INTEGER,\n"
                                "score_exterieur INTEGER,\n"
                                "equipe_gagnante VARCHAR(200),\n"
                                "statut VARCHAR(20) DEFAULT 'en_attente',\n"
                                "source_donnees VARCHAR(100),\n"
                                "collecte_par VARCHAR(50) DEFAULT 'systeme_auto',\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
                                "updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP"),
                TABLE("match_collection_logs",
                                "id INTEGER NOT NULL PRIMARY KEY,\n"
                                "action_type VARCHAR(50) NOT NULL,\n"
                                "match_id VARCHAR(100),\n"
                                "message TEXT NOT NULL,\n"
                                "severity VARCHAR(20) DEFAULT 'info',\n"
                                "source_donnees VARCHAR(100),\n"
                                "temps_execution REAL,\n"
                                "extra_data TEXT,\n"
                                "created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP"),

                INDEX("predictions", "match_id"),
                INDEX("predictions", "invalidated_by"),
                INDEX("predictions", "created_at"),
                INDEX("predictions", "league"),
                INDEX("alerts", "prediction_id"),
                INDEX("alerts", "acknowledged_by"),
                INDEX("access_logs", "user_id"),
                INDEX("access_logs", "prediction_id"),
                INDEX("access_logs", "action_type"),
                INDEX("access_logs", "created_at"),
                INDEX("system_logs", "user_id"),
                INDEX("system_logs", "admin_id"),
                INDEX("system_logs", "action_type"),
                INDEX("system_logs", "severity"),
                INDEX("system_logs", "created_at"),
                INDEX("matches_archive", "archived_by"),
                INDEX("predictions_archive", "match_id"),
                INDEX("predictions_archive", "prediction_id"),
                INDEX("model_performance", "date_debut"),
                INDEX("model_performance", "date_fin"),
                INDEX("anomaly_logs", "match_id"),
                INDEX("anomaly_logs", "prediction_archive_id"),
                INDEX("anomaly_logs", "anomaly_type"),
                INDEX("anomaly_logs", "detected_at"),
                INDEX("anomaly_logs", "resolved_by"),
                INDEX("subscription_plans", "created_by"),
                INDEX("user_subscriptions", "user_id"),
                INDEX("user_subscriptions", "plan_id"),
                INDEX("user_prediction_access", "user_id"),
                INDEX("user_prediction_access", "prediction_id"),
                INDEX("user_prediction_access", "access_date"),
                INDEX("notifications", "user_id"),
                INDEX("notifications", "created_by"),
                INDEX("notifications", "created_at"),
                INDEX("persistent_sessions", "user_id"),
                INDEX("persistent_sessions", "expires_at"),
                INDEX("backup_logs", "created_by"),
                INDEX("backup_logs", "created_at"),
                INDEX("prediction_schedules", "created_by"),
                INDEX("match_collection_logs", "match_id"),
                INDEX("match_collection_logs", "created_at"),
};

const size_t schema_n_objects = ELEMENTSOF(schema_objects);
