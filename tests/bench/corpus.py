# SPDX-License-Identifier: LGPL-2.1-or-later
"""The databases that are measured: deterministic, like the application's own (its schema, several indexes, foreign keys
that hold, French text and JSON), in WAL mode. Made once for each size and kept under /var/tmp; whoever changes one works
on a copy. Also a program: corpus.py MEBIBYTES makes one and prints its path."""

import os
import random
import shutil
import sqlite3
import sys

MIB = 1024 * 1024
DIRECTORY = "/var/tmp/oracxpred-bench"
# Part of the file's name: another one whenever what is generated changes.
VERSION = 1
# What one mebibyte of the database has of each table, as rows.
ROWS_PER_MIB = {
    "users": 7,
    "matches_archive": 98,
    "predictions": 458,
    "predictions_archive": 524,
    "access_logs": 818,
    "system_logs": 524,
    "user_prediction_access": 720,
    "notifications": 262,
    "alerts": 131,
}
SCHEMA = """
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR(80) NOT NULL UNIQUE, email VARCHAR(120) UNIQUE,
  password VARCHAR(255) NOT NULL, profile_photo VARCHAR(255), is_admin BOOLEAN DEFAULT 0, is_approved BOOLEAN DEFAULT 0,
  is_active BOOLEAN DEFAULT 1, subscription_plan VARCHAR(20) DEFAULT 'free',
  subscription_status VARCHAR(20) DEFAULT 'inactive', subscription_expires_at DATETIME,
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP, last_login_at DATETIME, ip_address VARCHAR(45),
  unique_id VARCHAR(36) UNIQUE);
CREATE TABLE matches_archive (id INTEGER NOT NULL PRIMARY KEY, match_id INTEGER NOT NULL UNIQUE, jeu VARCHAR(50) NOT NULL,
  mode VARCHAR(50), ligue VARCHAR(200) NOT NULL, equipe_1 VARCHAR(200) NOT NULL, equipe_2 VARCHAR(200) NOT NULL,
  date_heure_match DATETIME NOT NULL, cote_1 REAL, cote_X REAL, cote_2 REAL, score_final_equipe_1 INTEGER,
  score_final_equipe_2 INTEGER, resultat_reel VARCHAR(50), statut_final VARCHAR(50) DEFAULT 'en_cours',
  created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  archived_by INTEGER REFERENCES users (id), is_locked BOOLEAN DEFAULT 0, extra_data TEXT);
CREATE TABLE predictions (id INTEGER NOT NULL PRIMARY KEY, match_id INTEGER NOT NULL, team1 VARCHAR(200) NOT NULL,
  team2 VARCHAR(200) NOT NULL, league VARCHAR(200) NOT NULL, consensus_type VARCHAR(50) NOT NULL,
  consensus_result TEXT NOT NULL, consensus_probability REAL NOT NULL, confidence REAL NOT NULL, recommended_odd REAL,
  recommended_action VARCHAR(100) NOT NULL, votes_statistique BOOLEAN DEFAULT 0, votes_cotes BOOLEAN DEFAULT 0,
  votes_simulation BOOLEAN DEFAULT 0, votes_forme BOOLEAN DEFAULT 0, is_valid BOOLEAN DEFAULT 1,
  is_locked BOOLEAN DEFAULT 0, invalidated_by INTEGER REFERENCES users (id), invalidated_at DATETIME,
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP, extra_data TEXT);
CREATE TABLE predictions_archive (id INTEGER NOT NULL PRIMARY KEY,
  match_id INTEGER NOT NULL REFERENCES matches_archive (match_id), prediction_id INTEGER REFERENCES predictions (id),
  consensus_type VARCHAR(50) NOT NULL, choix TEXT NOT NULL, probabilite REAL NOT NULL, confiance REAL NOT NULL,
  vote_statistique BOOLEAN DEFAULT 0, vote_cotes BOOLEAN DEFAULT 0, vote_simulation BOOLEAN DEFAULT 0,
  vote_forme BOOLEAN DEFAULT 0, consensus BOOLEAN DEFAULT 0, resultat_reel VARCHAR(50), prediction_correcte BOOLEAN,
  ecart_probabilite REAL, created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, finalized_at DATETIME, extra_data TEXT);
CREATE TABLE access_logs (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
  action_type VARCHAR(50) NOT NULL, match_id INTEGER, prediction_id INTEGER REFERENCES predictions (id),
  subscription_plan VARCHAR(20), ip_address VARCHAR(45), created_at DATETIME DEFAULT CURRENT_TIMESTAMP, extra_data TEXT);
CREATE TABLE system_logs (id INTEGER NOT NULL PRIMARY KEY, action_type VARCHAR(50) NOT NULL,
  user_id INTEGER REFERENCES users (id), admin_id INTEGER REFERENCES users (id), message TEXT NOT NULL,
  severity VARCHAR(20) DEFAULT 'info', extra_data TEXT, ip_address VARCHAR(45),
  created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE user_prediction_access (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
  prediction_id INTEGER NOT NULL REFERENCES predictions (id), access_date DATE NOT NULL,
  accessed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE notifications (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER REFERENCES users (id),
  is_global BOOLEAN DEFAULT 0, title VARCHAR(200) NOT NULL, message TEXT NOT NULL, priority VARCHAR(20) DEFAULT 'normal',
  notification_type VARCHAR(50) DEFAULT 'info', display_duration INTEGER DEFAULT 5000, is_read BOOLEAN DEFAULT 0,
  read_at DATETIME, expires_at DATETIME, created_by INTEGER NOT NULL REFERENCES users (id),
  created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, channels TEXT);
CREATE TABLE alerts (id INTEGER NOT NULL PRIMARY KEY, alert_type VARCHAR(50) NOT NULL,
  severity VARCHAR(20) DEFAULT 'warning', message TEXT NOT NULL, prediction_id INTEGER REFERENCES predictions (id),
  match_id INTEGER, is_acknowledged BOOLEAN DEFAULT 0, acknowledged_by INTEGER REFERENCES users (id),
  acknowledged_at DATETIME, extra_data TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
"""
INDEXES = [
    ("matches_archive", "archived_by"),
    ("predictions", "match_id"),
    ("predictions", "invalidated_by"),
    ("predictions_archive", "match_id"),
    ("predictions_archive", "prediction_id"),
    ("access_logs", "user_id"),
    ("access_logs", "prediction_id"),
    ("system_logs", "user_id"),
    ("system_logs", "admin_id"),
    ("user_prediction_access", "user_id"),
    ("user_prediction_access", "prediction_id"),
    ("user_prediction_access", "access_date"),
    ("notifications", "user_id"),
    ("notifications", "created_by"),
    ("notifications", "created_at"),
    ("alerts", "prediction_id"),
    ("alerts", "acknowledged_by"),
]
WORDS = """le la les un une des de du au aux et ou mais donc car ni que qui dont avec sans pour contre dans sur sous chez
match équipe joueur entraîneur gardien défense attaque milieu but score victoire défaite nul domicile extérieur forme
série cote probabilité confiance statistique simulation vote consensus pronostic prédiction saison championnat coupe
ligue journée classement blessure suspension absence retour domination possession tir cadré corner penalty carton jaune
rouge arbitre stade public pelouse pluie favori outsider probable risqué recommandé déconseillé abonné utilisateur accès
compte session connexion paiement forfait mensuel annuel notification alerte valide invalide verrouillé modifié créé""".split()
TEAMS = """Abidjan Africa Asec Mimosas Stade Stella Sporting Bamako Djoliba Dakar Jaraaf Casa Sports Racing Étoile Union
Lyon Marseille Lille Lens Nantes Rennes Monaco Nice Brest Reims Toulouse Metz Lorient Strasbourg Montpellier Auxerre
Arsenal Chelsea Liverpool Everton Fulham Leeds Madrid Séville Valence Bilbao Turin Naples Rome Milan Gênes Porto""".split()
LEAGUES = [f"{kind} {country}" for kind in ("Ligue 1", "Ligue 2", "Coupe", "Super Coupe", "Championnat") for country in
           ("Côte d'Ivoire", "Sénégal", "Mali", "France", "Angleterre", "Espagne", "Italie", "Portugal", "Allemagne")]
ACTIONS = ["view_prediction", "login", "logout", "unlock_match", "purchase", "export", "search", "refresh"]


class Text:
    """A few thousand sentences, from which each row takes some and adds numbers of its own."""

    def __init__(self, source):
        self.random = source
        self.sentences = [
            " ".join(source.choices(WORDS, k=source.randint(5, 16))).capitalize() + "." for _ in range(4000)
        ]

    def message(self, least, most):
        return " ".join(self.random.choices(self.sentences, k=self.random.randint(least, most)))

    def moment(self):
        number = int(self.random.random() * 31536000)
        day, second = divmod(number, 86400)
        return (
            f"2025-{day // 31 + 1:02d}-{day % 28 + 1:02d} "
            f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{number * 7919 % 1000000:06d}"
        )

    def odd(self):
        return round(1 + self.random.random() * 6, 2)

    def address(self):
        number = self.random.getrandbits(24)
        return f"41.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    def votes(self):
        number = self.random.getrandbits(4)
        return number & 1, number >> 1 & 1, number >> 2 & 1, number >> 3

    def probability(self):
        return self.random.random() * 100

    def extra(self):
        source = self.random.random
        return (
            f'{{"modele": "v{int(source() * 9)}.{int(source() * 30)}", "poids": [{source():.6f}, {source():.6f}, '
            f'{source():.6f}], "forme": {{"domicile": {source() * 5:.3f}, "exterieur": {source() * 5:.3f}}}, '
            f'"historique": {int(source() * 40)}, "remarque": "{self.sentences[int(source() * 4000)]}"}}'
        )


def rows(table, count, counts, text):
    """The rows of one table, without its key."""
    source = text.random
    pick = source.choice
    below = lambda limit: int(source.random() * limit) + 1  # noqa: E731
    users, predictions, matches = counts["users"], counts["predictions"], counts["matches_archive"]
    for number in range(1, count + 1):
        if table == "users":
            yield (f"{pick(TEAMS).lower()}{number}", f"joueur{number}@exemple.ci", f"$2b$12${source.getrandbits(300):x}"[:60],
                   None, 0, 1, 1, pick(("free", "premium", "vip")), "active", text.moment(), text.moment(), text.moment(),
                   text.address(), f"{source.getrandbits(128):032x}")
        elif table == "matches_archive":
            yield (1000000 + number, "FIFA 4x4", pick(("rapide", "long")), pick(LEAGUES), pick(TEAMS), pick(TEAMS),
                   text.moment(), text.odd(), text.odd(), text.odd(), below(6) - 1, below(6) - 1, pick("12X"), "terminé",
                   text.moment(), text.moment(), below(users), 0, text.extra())
        elif table == "predictions":
            yield (1000000 + below(matches), pick(TEAMS), pick(TEAMS), pick(LEAGUES), pick(("1X2", "alternatif")),
                   text.message(1, 2), text.probability(), text.probability(), text.odd(), pick(ACTIONS), *text.votes(),
                   1, 0, below(users) if number % 10 == 0 else None, None, text.moment(), text.moment(), text.extra())
        elif table == "predictions_archive":
            yield (1000000 + below(matches), below(predictions), pick(("1X2", "alternatif")), pick(text.sentences),
                   text.probability(), text.probability(), *text.votes(), 1, pick("12X"), number & 1,
                   text.probability(), text.moment(), text.moment(), text.moment(), text.extra())
        elif table == "access_logs":
            yield (below(users), pick(ACTIONS), 1000000 + below(matches), below(predictions), "premium", text.address(),
                   text.moment(), pick(text.sentences) if number % 4 == 0 else None)
        elif table == "system_logs":
            yield (pick(ACTIONS), below(users), below(users) if number % 5 == 0 else None, text.message(1, 3),
                   pick(("info", "info", "warning", "error")), text.extra() if number % 3 == 0 else None, text.address(),
                   text.moment())
        elif table == "user_prediction_access":
            moment = text.moment()
            yield below(users), below(predictions), moment[:10], moment
        elif table == "notifications":
            yield (below(users), 0, pick(text.sentences), text.message(1, 4), "normal", "info", 5000, number & 1,
                   text.moment(), None, below(users), text.moment(), '["web", "email"]')
        else:
            yield (pick(ACTIONS), "warning", text.message(1, 3), below(predictions), 1000000 + below(matches), 0,
                   None, None, text.extra() if number % 2 else None, text.moment())


def fill(path, mebibytes):
    text = Text(random.Random(VERSION))
    counts = {table: per_mib * mebibytes for table, per_mib in ROWS_PER_MIB.items()}
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size=4096")
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")
    connection.executescript(SCHEMA)
    connection.execute("BEGIN")
    # A slice of each table in turn, as an application that grows writes them: no table lies in one piece.
    generators = {table: rows(table, count, counts, text) for table, count in counts.items()}
    columns = {table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")][1:] for table in counts}
    slices = max(mebibytes // 4, 1)
    for number in range(slices):
        for table, generator in generators.items():
            n = counts[table] * (number + 1) // slices - counts[table] * number // slices
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns[table])}) VALUES ({', '.join('?' * len(columns[table]))})",
                (next(generator) for _ in range(n)),
            )
    for table, column in INDEXES:
        connection.execute(f"CREATE INDEX ix_{table}_{column} ON {table} ({column})")
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def corpus(mebibytes):
    """The path of the database of that size (within a few percent)."""
    path = os.path.join(DIRECTORY, f"corpus-{VERSION}-{mebibytes}.db")
    if not os.path.exists(path):
        os.makedirs(DIRECTORY, exist_ok=True)
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + ".new" + suffix):
                os.unlink(path + ".new" + suffix)
        fill(path + ".new", mebibytes)
        os.rename(path + ".new", path)
    return path


def copy_of(path, target):
    """A copy to change or to be measured, durable, so that nothing of it is still being written."""
    shutil.copyfile(path, target)
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    return target


if __name__ == "__main__":
    print(corpus(int(sys.argv[1])))
