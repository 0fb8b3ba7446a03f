"""The tables of the store's two kinds of file, as numbered migrations.

`catalog.sqlite3` names the indexes; each index is one file of its own, whose name is never used twice. An index is
dropped by marking its file first, in a transaction every write checks, so no process acknowledges a lost write.
"""

CATALOG = (
    """
    CREATE TABLE indexes (
        name TEXT PRIMARY KEY,
        uid TEXT NOT NULL UNIQUE,
        dimension INTEGER NOT NULL,
        metric TEXT NOT NULL,
        tags TEXT NOT NULL,
        deletion_protection INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)

# Row numbers only ever grow: replacing a record gives it a new row and leaves a tombstone for the old one. So a reader
# that remembers the last row and the last tombstone it saw learns of every change, in any process, from two short
# queries. Where only metadata changes the row stays, and a tombstone of no row tells. `terms` is the inverted metadata:
# one line for each field's value (for each element of a list).
INDEX = (
    """
    CREATE TABLE state (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE namespaces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        records INTEGER NOT NULL DEFAULT 0,
        explicit INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE records (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        namespace INTEGER NOT NULL,
        id TEXT NOT NULL,
        vector BLOB NOT NULL,
        metadata TEXT NOT NULL,
        UNIQUE (namespace, id)
    );
    CREATE TABLE tombstones (seq INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, row INTEGER NOT NULL);
    CREATE TABLE terms (
        namespace INTEGER NOT NULL,
        key TEXT NOT NULL,
        type TEXT NOT NULL,
        value NOT NULL,
        row INTEGER NOT NULL,
        PRIMARY KEY (namespace, key, type, value, row)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE lexical USING fts5(
        header, body, tokenize = "porter unicode61 remove_diacritics 2 tokenchars '_'"
    );
    INSERT INTO state VALUES ('dropped', 0), ('pruned', 0);
    """,
    # A checksum of the vector, and one of id and metadata. Records of before have none.
    """
    ALTER TABLE records ADD COLUMN vector_sum INTEGER;
    ALTER TABLE records ADD COLUMN text_sum INTEGER;
    """,
)
