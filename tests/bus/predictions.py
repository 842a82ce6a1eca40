# SPDX-License-Identifier: LGPL-2.1-or-later
"""Predictions as a caller of .Predictions has them, and as the application writes them itself."""

from contract import BUS_PATH, PREDICTIONS

SAMPLE = {
    "match_id": ("x", 7),
    "team1": ("s", "Étoile Filante"),
    "team2": ("s", "AS Douanes"),
    "league": ("s", "Ligue 1"),
    "consensus_type": ("s", "1X2"),
    "consensus_result": ("s", "1"),
    "consensus_probability": ("d", 72.5),
    "confidence": ("d", 64.0),
    "recommended_action": ("s", "MISER"),
}

INSERT = (
    "INSERT INTO predictions (match_id, team1, team2, league, consensus_type, consensus_result, consensus_probability,"
    " confidence, recommended_action) VALUES (?, 'A', 'B', ?, '1X2', '1', 50, ?, 'MISER')"
)


def sample(match_id=7, **changed):
    return {**SAMPLE, "match_id": ("x", match_id), **changed}


class Predictions:
    """The interface, with dictionaries without their signatures."""

    def __init__(self, client):
        self.client = client

    def call(self, member, *arguments):
        return self.client.call(BUS_PATH, PREDICTIONS, member, *arguments)

    def store(self, **changed):
        return self.call("Store", sample(**changed))

    def get(self, number, **options):
        return plain(self.call("Get", number, options))

    def get_by_match(self, match, **options):
        return plain(self.call("GetByMatch", match, options))

    def list(self, **options):
        """One page: (predictions, next)."""
        rows, following = self.call("List", options)
        return [plain(row) for row in rows], following

    def invalidate(self, number, **options):
        return self.call("Invalidate", number, options)

    def counters(self):
        """(hits, misses, evictions, entries)."""
        found = self.client.get_all(interface=PREDICTIONS)
        return tuple(found["Cache" + name] for name in ("Hits", "Misses", "Evictions", "Entries"))


def plain(row):
    return {name: value for name, (_, value) in row.items()}


def add_match(application, match_id, status="terminé", result="1"):
    application.query(
        "INSERT INTO matches_archive (match_id, jeu, ligue, equipe_1, equipe_2, date_heure_match, statut_final,"
        " resultat_reel) VALUES (?, 'FIFA', 'Ligue 1', 'A', 'B', '2026-01-24 10:00:00', ?, ?)",
        match_id,
        status,
        result,
    )
