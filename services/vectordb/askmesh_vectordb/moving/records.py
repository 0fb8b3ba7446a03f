"""The moves as the journal keeps them, and the changes of their phase together with the routing."""

import json
import secrets
import sqlite3
import time
from dataclasses import dataclass
from typing import Any, Literal

from askmesh_kit.errors import Conflict

from askmesh_vectordb.moving.backfill import Progress
from askmesh_vectordb.moving.journal import Journal, give_up_log, set_routing

Phase = Literal["dual", "backfill", "verify", "ready", "reversed", "finished", "rolled_back"]
Action = Literal["cut-over", "roll-back", "finish"]
ENDED = ("finished", "rolled_back")


@dataclass(frozen=True, slots=True)
class Move:
    """`wanted` is an action that somebody waits for, `answer` what became of the last one; times are Unix seconds."""

    id: str
    origin: str
    target: str
    phase: Phase
    created: float
    updated: float
    error: str | None
    progress: Progress
    wanted: Action | None
    answer: dict[str, Any] | None

    @property
    def active(self) -> bool:
        return self.phase not in ENDED


class MoveRecords:
    """Each method is one transaction."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def list(self) -> list[Move]:
        return await self._journal.run(
            lambda connection: [_move(row) for row in connection.execute("SELECT * FROM moves ORDER BY created")]
        )

    async def get(self, move_id: str) -> Move | None:
        return next((move for move in await self.list() if move.id == move_id), None)

    async def active(self) -> Move | None:
        return next((move for move in await self.list() if move.active), None)

    async def create(self, home: str, origin: str, target: str, *, fresh: bool) -> str:
        """Raises Conflict while another move is under way."""
        move_id, now = f"{time.strftime('%Y%m%d', time.gmtime())}-{secrets.token_hex(4)}", time.time()

        def write(connection: sqlite3.Connection) -> str:
            if found := next((move for move in _all(connection) if move.active), None):
                raise Conflict(
                    f"The move {found.id} from {found.origin} to {found.target} is under way.",
                    fix="Finish it or roll it back first.",
                    code="move_in_progress",
                )
            connection.execute("INSERT OR IGNORE INTO routing VALUES (1, ?, ?, '', 0, 0, 0, 0)", [home, origin])
            set_routing(connection, primary=origin, secondary=target, journaling=0, held_until=0)
            progress = json.dumps(Progress(fresh=fresh).to_json())
            row = [move_id, origin, target, "dual", now, now, progress]
            connection.execute("INSERT INTO moves VALUES (?, ?, ?, ?, ?, ?, NULL, ?, NULL, NULL)", row)
            return move_id

        return await self._journal.run(write)

    async def begin_marking(self) -> int:
        """Mark writes from here on; the epoch of those that do not know it yet."""

        def write(connection: sqlite3.Connection) -> int:
            journaling, epoch = connection.execute("SELECT journaling, epoch FROM routing").fetchone()
            if not journaling:
                give_up_log(connection)
                epoch += 1
                set_routing(connection, journaling=1, epoch=epoch)
            return int(epoch) - 1

        return await self._journal.run(write)

    async def save(self, move: Move, *, phase: Phase | None = None, error: str | None = None) -> None:
        """The progress, and the phase where it is to be another one; `error` stands until the next save."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE moves SET phase = coalesce(?, phase), updated = ?, error = ?, progress = ? WHERE id = ?",
                [phase, time.time(), error, json.dumps(move.progress.to_json()), move.id],
            )

        await self._journal.run(write)

    async def want(self, move: Move, action: Action) -> None:
        await self._journal.run(
            lambda connection: connection.execute(
                "UPDATE moves SET wanted = ?, answer = NULL WHERE id = ?", [action, move.id]
            ).close()
        )

    async def answer(self, move: Move, told: dict[str, Any]) -> None:
        await self._journal.run(
            lambda connection: connection.execute(
                "UPDATE moves SET wanted = NULL, answer = ? WHERE id = ?", [json.dumps(told), move.id]
            ).close()
        )

    async def hold(self, until: float) -> None:
        """Keep new writes waiting until then."""
        await self._journal.run(lambda connection: set_routing(connection, held_until=until))

    async def swap(self, move: Move, phase: Phase) -> None:
        """The stores change places; what was held goes on."""

        def write(connection: sqlite3.Connection) -> None:
            primary, secondary = connection.execute("SELECT primary_store, secondary_store FROM routing").fetchone()
            set_routing(connection, primary=secondary, secondary=primary, held_until=0)
            _set_phase(connection, move, phase)

        await self._journal.run(write)

    async def end(self, move: Move, phase: Phase) -> None:
        """One store again: the primary."""

        def write(connection: sqlite3.Connection) -> None:
            give_up_log(connection)
            set_routing(connection, secondary="", held_until=0)
            _set_phase(connection, move, phase)

        await self._journal.run(write)


def resolve(connection: sqlite3.Connection, store: str) -> str:
    """The store that counts for a service that is configured with `store`. Raises SystemExit, with the remedy, where a
    move is under way between others."""
    row = connection.execute("SELECT home, primary_store, secondary_store FROM routing").fetchone()
    if row is None:
        return store
    home, primary, secondary = row
    active = next((move for move in _all(connection) if move.active), None)
    if store in (home, primary, secondary if active else primary):
        if store == primary and not active:
            set_routing(connection, home=store)
        return str(primary)
    if active:
        raise SystemExit(
            f"the move {active.id} from {active.origin} to {active.target} is under way: set ASKMESH_VECTORDB_STORE to "
            "one of the two, and finish it or roll it back"
        )
    # Somebody chose a third one: what was moved before is no longer of interest.
    connection.execute("DELETE FROM routing")
    return store


def _all(connection: sqlite3.Connection) -> list[Move]:
    return [_move(row) for row in connection.execute("SELECT * FROM moves ORDER BY created").fetchall()]


def _set_phase(connection: sqlite3.Connection, move: Move, phase: Phase) -> None:
    connection.execute(
        "UPDATE moves SET phase = ?, updated = ?, error = NULL WHERE id = ?", [phase, time.time(), move.id]
    )


def _move(row: tuple[Any, ...]) -> Move:
    move_id, origin, target, phase, created, updated, error, progress, wanted, answer = row
    return Move(
        move_id,
        origin,
        target,
        phase,
        created,
        updated,
        error,
        Progress(**json.loads(progress)),
        wanted,
        json.loads(answer) if answer else None,
    )
