"""The tables, as numbered migrations: `indexes` and `namespaces` for all, for each index one of records, one of changes.

The tables of an index bear a number that is never used twice, so a statement meant for an index that was dropped, and
perhaps made anew by another process, fails for want of its table and is repeated against the right one.
"""

from dataclasses import dataclass

from psycopg import AsyncConnection, sql

from askmesh_vectordb.stores.base import IndexInfo, StoreDamaged

_MOST_HALF, _MOST_FULL = 4000, 2000
"""Dimensions of a halfvec and of a vector that an HNSW index takes."""
_LOCK = 7_208_002
"""Number of the advisory lock under which migrations run."""


@dataclass(frozen=True, slots=True)
class Migration:
    """Statements for the whole, and those for the tables of each index, `{records}` and `{changes}`."""

    shared: str
    each: str


MIGRATIONS = (
    Migration(
        """
        CREATE TABLE indexes (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            uid uuid NOT NULL DEFAULT gen_random_uuid(),
            name text COLLATE "C" NOT NULL UNIQUE,
            dimension integer NOT NULL,
            metric text NOT NULL,
            tags jsonb NOT NULL,
            deletion_protection boolean NOT NULL,
            log_begins bigint NOT NULL DEFAULT 0
        );
        CREATE TABLE namespaces (
            index bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
            name text COLLATE "C" NOT NULL,
            PRIMARY KEY (index, name)
        );
        """,
        # Vector and facts stay in the row where they fit; the metadata, which few searches read, moves out first. A list
        # of additions that the index of facts has yet to take in would be walked by every search.
        """
        CREATE TABLE {records} (
            namespace text COLLATE "C" NOT NULL,
            id text COLLATE "C" NOT NULL,
            embedding vector({dimension}) STORAGE MAIN NOT NULL,
            facts jsonb STORAGE MAIN NOT NULL,
            metadata text NOT NULL,
            PRIMARY KEY (namespace, id)
        );
        CREATE INDEX ON {records} USING gin (facts jsonb_path_ops) WITH (fastupdate = off);
        CREATE TABLE {changes} (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            transaction bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
            namespace text NOT NULL,
            id text
        );
        CREATE INDEX ON {changes} (transaction);
        """,
    ),
)


def tables(number: int) -> dict[str, str]:
    """The names of an index's tables."""
    return {"records": f"records_{number}", "changes": f"changes_{number}"}


@dataclass(frozen=True, slots=True)
class Nearness:
    """How an index's nearest vectors are found: the operator between vectors, and the indexed expression with its
    operator, which is empty where pgvector has no index for so many dimensions. `{}` stands for a vector."""

    operator: str
    indexed: str
    indexed_operator: str
    operator_class: str


def nearness(info: IndexInfo) -> Nearness:
    """Cosine goes by unit vectors in half precision: half the memory, and no value is out of its range (65,504)."""
    if info.metric == "cosine":
        half = f"(l2_normalize({{}})::halfvec({info.dimension}))" if info.dimension <= _MOST_HALF else ""
        return Nearness("<=>", half, "<#>", "halfvec_ip_ops")
    plain = "({})" if info.dimension <= _MOST_FULL else ""
    if info.metric == "dotproduct":
        return Nearness("<#>", plain, "<#>", "vector_ip_ops")
    return Nearness("<->", plain, "<->", "vector_l2_ops")


async def migrate(connection: AsyncConnection, schema: str) -> None:
    """Create what is missing, within a transaction. Raises StoreDamaged where a newer version wrote the schema."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    version = await _version(connection, schema)
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        raise StoreDamaged(
            f"The schema {schema!r} has version {version}; this version knows {len(MIGRATIONS)}.",
            fix="Run the newer version that wrote it.",
        )
    if version == 0:
        await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        await connection.execute("CREATE TABLE schema_version (version integer NOT NULL)")
        await connection.execute("INSERT INTO schema_version VALUES (0)")
    for migration in MIGRATIONS[version:]:
        await connection.execute(migration.shared)
        found = await connection.execute("SELECT number, dimension FROM indexes")
        for number, dimension in await found.fetchall():
            await connection.execute(migration.each.format(**tables(number), dimension=dimension))
    await connection.execute("UPDATE schema_version SET version = %s", [len(MIGRATIONS)])


async def create_records(connection: AsyncConnection, number: int, info: IndexInfo) -> None:
    """The tables of a new index, and its vectors' index."""
    for migration in MIGRATIONS:
        await connection.execute(migration.each.format(**tables(number), dimension=info.dimension))
    near = nearness(info)
    if near.indexed:
        expression = near.indexed.format("embedding")
        await connection.execute(
            f"CREATE INDEX ON {tables(number)['records']} USING hnsw ({expression} {near.operator_class})"
        )


async def _version(connection: AsyncConnection, schema: str) -> int:
    """0 where there is nothing yet."""
    find = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'schema_version'"
    found = await (await connection.execute(find, [schema])).fetchone()
    if not found or not found[0]:
        return 0
    version = await (await connection.execute("SELECT version FROM schema_version")).fetchone()
    return int(version[0]) if version else 0
