"""What a new connection is set up with, and what the server must be able to do."""

from psycopg import AsyncConnection, sql
from psycopg import errors as pg

from askmesh_vectordb.stores.base import StoreRefused
from askmesh_vectordb.stores.postgres import vectors
from askmesh_vectordb.stores.postgres.schema import migrate

_OLDEST = (0, 8)
"""pgvector's first version whose graph search goes on until a filter is satisfied."""


class Session:
    """Prepares connections. `durable` is what the server's settings promise, False until one was asked."""

    def __init__(self, schema: str, timeout_s: float) -> None:
        self._schema, self._timeout_s = schema, timeout_s
        self._migrated = False
        self.durable = False

    async def prepare(self, connection: AsyncConnection) -> None:
        home = await self._find_extension(connection)
        path = sql.SQL(", ").join([sql.Identifier(self._schema), sql.Identifier(home)])
        await connection.execute(sql.SQL("SET search_path TO {}").format(path))
        # Each statement is planned for its own values: the sizes of filters differ too much for one plan.
        await connection.execute(
            "SELECT set_config('plan_cache_mode', 'force_custom_plan', false), set_config('jit', 'off', false), "
            "set_config('statement_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false)",
            [str(round(self._timeout_s * 1000))] * 2,
        )
        await self._look_at_durability(connection)
        found = await (await connection.execute("SELECT 'vector'::regtype::oid::bigint")).fetchone()
        assert found is not None
        vectors.register(connection, found[0])
        if not self._migrated:
            async with connection.transaction():
                await migrate(connection, self._schema)
            self._migrated = True

    async def _find_extension(self, connection: AsyncConnection) -> str:
        """The schema in which pgvector's types and operators are."""
        find = (
            "SELECT nspname, extversion FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace "
            "WHERE extname = 'vector'"
        )
        found = await (await connection.execute(find)).fetchone()
        if found is None:
            await _create_extension(connection)
            found = await (await connection.execute(find)).fetchone()
            assert found is not None
        home, version = str(found[0]), str(found[1])
        if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
            raise StoreRefused(
                f"pgvector {version} is too old: 0.8 is needed.", fix="Update it: ALTER EXTENSION vector UPDATE."
            )
        return home

    async def _look_at_durability(self, connection: AsyncConnection) -> None:
        """A commit waits for the disk in this session, unless the server as a whole was told not to write to it."""
        ask = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        found = await (await connection.execute(ask)).fetchone()
        assert found is not None
        if found[1] == "off":
            await connection.execute("SET synchronous_commit TO on")
        self.durable = found[0] == "on"


async def _create_extension(connection: AsyncConnection) -> None:
    remedy = "Install pgvector on the server (github.com/pgvector/pgvector) and run CREATE EXTENSION vector."
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except pg.InsufficientPrivilege as error:
        raise StoreRefused("The extension vector is not in this database.", fix=f"Let a superuser: {remedy}") from error
    except (pg.UndefinedFile, pg.FeatureNotSupported) as error:
        raise StoreRefused("The server does not have the extension vector.", fix=remedy) from error
    except (pg.UniqueViolation, pg.DuplicateObject):
        # Another process created it at the same moment.
        return
