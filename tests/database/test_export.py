# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exports as a program that knows nothing of this project reads them: Python's own json and sqlite3, and the
published JSON Schema. Run by meson, which names the tool in EXPORT_TOOL."""

import base64
import copy
import json
import os
import sqlite3
import subprocess

import jsonschema
import pytest

TOOL = os.environ["EXPORT_TOOL"]
SCHEMA_FILE = os.path.join(os.path.dirname(__file__), "../../src/database/export.schema.json")
STYLES = ["pretty", "compact", "lines"]

with open(SCHEMA_FILE, encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
LINE_SCHEMA = {"$ref": "#/$defs/line", "$defs": SCHEMA["$defs"]}

VALUES = [
    None, 0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1,
    0.0, -0.0, 1.0, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 1e15, 1e16, float("inf"), float("-inf"),
    "", "plain", "é😀", "\u2028\u2029", "\x00", "a\x00b", '"\\/\b\f\n\r\t\x1f\x7f', "\ufeffbom", "\uffff",
    b"", b"\x00\x01\xff", bytes(range(256)),
]  # fmt: skip


def run(*arguments, expect=0, **options):
    done = subprocess.run([TOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    assert done.returncode == expect, done.stderr.decode()
    return done.stdout


def make_database(path, encoding):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA encoding = '{encoding}'")
    connection.executescript(
        """
        PRAGMA journal_mode = WAL;
        PRAGMA user_version = 3;
        CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT, password TEXT);
        CREATE TABLE "values"(value, "odd ""name" DEFAULT 5);
        CREATE TABLE counts(x);
        CREATE INDEX by_value ON "values"(value);
        CREATE VIEW seen AS SELECT * FROM users;
        CREATE TRIGGER counted AFTER INSERT ON users BEGIN INSERT INTO counts VALUES(new.id); END;
        """
    )
    connection.executemany('INSERT INTO "values"(value) VALUES(?)', [(value,) for value in VALUES])
    connection.execute("INSERT INTO \"values\"(value) VALUES(CAST(x'd80000d8' AS TEXT))")
    connection.execute("INSERT INTO users(username, password) VALUES('ann', 'scrypt:1:1:1$a$b')")
    connection.commit()
    connection.close()
    return path


@pytest.fixture(name="database", params=["UTF-8", "UTF-16le", "UTF-16be"])
def database_fixture(tmp_path, request):
    return make_database(str(tmp_path / "application.db"), request.param)


@pytest.fixture(name="plain")
def plain_fixture(tmp_path):
    return make_database(str(tmp_path / "application.db"), "UTF-8")


def tables_of(text, style):
    """The rows by table, whatever the style."""
    if style != "lines":
        return {name: table["rows"] for name, table in json.loads(text)["tables"].items()}
    tables = {}
    for line in map(json.loads, text.strip().split("\n")):
        if "table" in line:
            rows = tables.setdefault(line["table"], [])
        elif "row" in line:
            rows.append(line["row"])
    return tables


def as_json(value):
    if isinstance(value, bytes):
        return {"blob": base64.b64encode(value).decode()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return {"real": "Infinity" if value > 0 else "-Infinity"}
    return value


def same(left, right):
    """Equal, of the same type, and the same sign of zero."""
    return type(left) is type(right) and repr(left) == repr(right)


@pytest.mark.parametrize("style", STYLES)
def test_json_equals_the_rows(database, style):
    text = run("export", database, style).decode("utf-8")
    exported = tables_of(text, style)
    connection = sqlite3.connect(database)
    encoding = connection.execute("PRAGMA encoding").fetchone()[0]
    for table in ("users", "values", "counts", "sqlite_sequence"):
        # The last value is no text that Python could read.
        condition = "rowid <= ?" if table == "values" else "?"
        sql = f'SELECT * FROM "{table}" WHERE {condition} ORDER BY rowid'
        rows = connection.execute(sql, (len(VALUES),)).fetchall()
        expected = [[as_json(value) for value in row] for row in rows]
        found = exported[table][: len(expected)]
        if encoding != "UTF-8":
            found = [[unmarked(value, encoding) for value in row] for row in found]
        assert len(found) == len(expected)
        assert all(same(a, b) for row, other in zip(found, expected) for a, b in zip(row, other))
    last = exported["values"][len(VALUES)][0]
    raw = connection.execute('SELECT CAST(value AS BLOB) FROM "values" ORDER BY rowid DESC').fetchone()[0]
    assert last == {"text": base64.b64encode(raw).decode()}


def unmarked(value, encoding):
    """SQLite replaces some valid characters on the way to UTF-16 and back, so the export marks them there."""
    if isinstance(value, dict) and "text" in value:
        return base64.b64decode(value["text"]).decode(encoding.replace("UTF-", "utf_").replace("16", "16_"))
    return value


@pytest.mark.parametrize("style", STYLES)
def test_export_import_export_gives_the_same_bytes(database, style, tmp_path):
    first = run("export", database, style)
    again = str(tmp_path / "again.db")
    assert run("import", again, input=first) == b"0\n"
    assert run("export", again, style) == first


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("redact", [[], ["--redact"]])
def test_exports_are_as_the_schema_says(plain, style, redact):
    text = run("export", plain, style, *redact)
    if style == "lines":
        for line in text.splitlines():
            jsonschema.validate(json.loads(line), LINE_SCHEMA)
    else:
        jsonschema.validate(json.loads(text), SCHEMA)


@pytest.mark.parametrize("style", STYLES)
def test_redacted_is_null_and_says_so(plain, style):
    text = run("export", plain, style, "--redact").decode()
    assert "scrypt" not in text
    assert tables_of(text, style)["users"] == [[1, "ann", None]]
    # NotSupported
    run("import", plain + ".again", input=text.encode(), expect=11)
    assert not os.path.exists(plain + ".again")


def test_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def changed(document, *path_and_value):
    *path, last, value = path_and_value
    document = copy.deepcopy(document)
    place = document
    for step in path:
        place = place[step]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return document


WRONG = [
    ("format", "other"),
    ("version", 3),
    ("redacted", "no"),
    ("encoding", "latin1"),
    ("user_version", 2**31),
    ("tables", KeyError),
    ("schema", KeyError),
    ("comment", "x"),
    ("schema", 0, "sql", KeyError),
    ("schema", 0, "type", "virtual"),
    ("tables", "values", "columns", KeyError),
    ("tables", "values", "columns", []),
    ("tables", "values", "rows", {}),
    ("tables", "values", "rows", 0, 0, True),
    ("tables", "values", "rows", 0, 0, []),
    ("tables", "values", "rows", 0, 0, {}),
    ("tables", "values", "rows", 0, 0, {"blob": "A"}),
    ("tables", "values", "rows", 0, 0, {"blob": "Zh=="}),
    ("tables", "values", "rows", 0, 0, {"blob": "", "text": ""}),
    ("tables", "values", "rows", 0, 0, {"real": "NaN"}),
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_wrong_documents_fail_schema_and_import(plain, change):
    wrong = changed(json.loads(run("export", plain, "compact")), *change)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)
    code = 11 if change == ("version", 3) else 2
    run("import", plain + ".again", input=json.dumps(wrong).encode(), expect=code)
    assert not os.path.exists(plain + ".again")


@pytest.mark.parametrize("style", STYLES)
def test_document_that_was_cut_short_is_never_taken(plain, style):
    text = run("export", plain, style).rstrip()
    for length in range(0, len(text), 97):
        run("import", plain + ".again", input=text[:length], expect=2)
        assert not os.path.exists(plain + ".again")


def test_unknown_table_is_named(plain):
    run("export", plain, "compact", "nope", expect=10)


def test_document_written_by_another_program_is_taken(plain, tmp_path):
    document = json.loads(run("export", plain, "compact"))
    for text in (json.dumps(document), json.dumps(document, indent=4, ensure_ascii=False)):
        again = str(tmp_path / "again.db")
        run("import", again, input=text.encode())
        assert run("export", again, "compact") == run("export", plain, "compact")
        os.unlink(again)


VIRTUAL = """
    CREATE TABLE docs(id INTEGER PRIMARY KEY, title TEXT, body TEXT);
    CREATE VIRTUAL TABLE external USING fts5(title, body, content='docs', content_rowid='id');
    CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN
      INSERT INTO external(rowid, title, body) VALUES (new.id, new.title, new.body); END;
    CREATE TRIGGER docs_ad AFTER DELETE ON docs BEGIN
      INSERT INTO external(external, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
    CREATE VIRTUAL TABLE own USING fts5(body, tokenize = 'porter unicode61');
    CREATE VIRTUAL TABLE contentless USING fts5(body, content='', prefix='2 3');
    CREATE VIRTUAL TABLE "an ""old"" one" USING fts4(body, other, notindexed=other);
    CREATE VIRTUAL TABLE oldest USING fts3(body);
    CREATE VIRTUAL TABLE words USING fts5vocab('own', 'row');
    CREATE VIRTUAL TABLE places USING rtree(id, x0, x1, y0, y1, +name TEXT);
    CREATE VIRTUAL TABLE grid USING rtree_i32(id, x0, x1);
    CREATE VIEW found AS SELECT rowid FROM own WHERE own MATCH 'run';
    INSERT INTO docs(title, body) VALUES ('one', 'alpha beta'), ('two', 'beta gamma'), ('three', 'delta');
    DELETE FROM docs WHERE title = 'three';
    INSERT INTO own VALUES ('running fast'), ('sitting');
    INSERT INTO contentless(rowid, body) VALUES (7, 'alpha'), (9, 'beta');
    INSERT INTO "an ""old"" one"(body) VALUES ('plain words');
    INSERT INTO oldest VALUES ('ancient words');
    INSERT INTO places VALUES (1, 0, 1, 0, 1, 'home'), (2, 5, 6, 5, 6, 'work');
    INSERT INTO grid VALUES (1, 10, 20), (2, 30, 40);
    PRAGMA writable_schema = ON;
    INSERT INTO sqlite_schema VALUES ('table', 'vectors', 'vectors', 0, 'CREATE VIRTUAL TABLE vectors USING vec0(x)');
    CREATE TABLE vectors_chunks(id INTEGER PRIMARY KEY, block BLOB);
    INSERT INTO vectors_chunks VALUES (1, x'00ff');
"""

ANSWERS = [
    ("SELECT rowid FROM external WHERE external MATCH 'beta' ORDER BY rowid", [(1,), (2,)]),
    ("SELECT rowid FROM external WHERE external MATCH 'delta'", []),
    ("SELECT * FROM found", [(1,)]),
    ("SELECT rowid FROM contentless WHERE contentless MATCH 'be*'", [(9,)]),
    ("SELECT body FROM \"an \"\"old\"\" one\"", [("plain words",)]),
    ("SELECT docid FROM oldest WHERE oldest MATCH 'ancient'", [(1,)]),
    ("SELECT count(*) FROM words", [(3,)]),
    ("SELECT name FROM places WHERE x0 >= 4 AND y1 <= 7", [("work",)]),
    ("SELECT id FROM grid WHERE x1 < 25", [(1,)]),
    ("SELECT rtreecheck('places')", [("ok",)]),
    ("SELECT id, block FROM vectors_chunks", [(1, b"\x00\xff")]),
    ("SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%USING vec0(x)'", [(1,)]),
]  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_virtual_tables_work_after_an_import(tmp_path, style):
    """Also one whose module only the application has, and triggers that keep an index up to date from then on."""
    path, again = str(tmp_path / "virtual.db"), str(tmp_path / "again.db")
    connection = sqlite3.connect(path)
    connection.executescript(VIRTUAL)
    connection.commit()
    connection.close()
    text = run("export", path, style)
    run("import", again, input=text)
    assert run("export", again, style) == text
    for file in (path, again):
        connection = sqlite3.connect(file)
        for query, rows in ANSWERS:
            assert connection.execute(query).fetchall() == rows, query
        connection.execute("INSERT INTO docs(title, body) VALUES ('four', 'epsilon')")
        assert connection.execute("SELECT rowid FROM external WHERE external MATCH 'epsilon'").fetchall() == [(3,)]
        for index in ("external", "own", "contentless"):
            connection.execute(f"INSERT INTO {index}({index}) VALUES ('integrity-check')")
        connection.close()


@pytest.mark.parametrize(
    "chosen, tables",
    [
        (["docs"], ["docs"]),
        (["OWN"], ["own_content", "own_config", "own_data", "own_docsize", "own_idx"]),
        (["own_content"], ["own_content"]),
        (["places", "docs"], ["docs", "places_node", "places_parent", "places_rowid"]),
    ],
    ids=str,
)
def test_chosen_virtual_table_comes_with_its_shadow_tables(tmp_path, chosen, tables):
    path, again = str(tmp_path / "virtual.db"), str(tmp_path / "again.db")
    connection = sqlite3.connect(path)
    connection.executescript(VIRTUAL)
    connection.close()
    document = json.loads(run("export", path, "compact", *chosen))
    jsonschema.validate(document, SCHEMA)
    assert sorted(document["tables"]) == sorted(tables)
    virtual = [entry["name"] for entry in document["schema"] if "VIRTUAL" in entry["sql"]]
    assert virtual == [name.lower() for name in chosen if name.lower() in ("own", "places")]
    assert document["version"] == (2 if virtual else 1)
    run("import", again, input=json.dumps(document).encode())


def test_chosen_virtual_table_of_an_unknown_module_is_refused(tmp_path):
    """Nobody can tell here which tables belong to it."""
    path = str(tmp_path / "virtual.db")
    connection = sqlite3.connect(path)
    connection.executescript(VIRTUAL)
    connection.close()
    run("export", path, "compact", "vectors", expect=11)
