"""The live moves of a service: where its records are now, and how they come to be elsewhere."""

import asyncio
from contextlib import suppress
from contextvars import Context

from askmesh_kit.errors import NotFound, ServiceError, Unavailable

from askmesh_vectordb.moving.base import MoveRefused
from askmesh_vectordb.moving.dual import MovableStore
from askmesh_vectordb.moving.gate import Gate
from askmesh_vectordb.moving.journal import Journal, Routing
from askmesh_vectordb.moving.mover import Mover
from askmesh_vectordb.moving.named import NamedStores
from askmesh_vectordb.moving.planning import check_target
from askmesh_vectordb.moving.records import Action, Move, MoveRecords, resolve
from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.base import StoreError

_ANSWER_S = 30.0
_STEP_S = 0.05


class Moves:
    """Opens the store that counts now. Raises SystemExit, with the remedy, where it cannot be opened.

    `store` is what the service uses; `start` takes up a move that was interrupted.
    """

    def __init__(self, settings: Settings) -> None:
        folder = settings.data_path / "moves"
        self._settings, self._home = settings, settings.store
        self._journal = Journal(folder, limit=settings.move_log_limit, busy_timeout_s=settings.local_busy_timeout_s)
        self._stores = NamedStores(settings, folder)
        current = self._current()
        self._stores.named(current)
        self._gate = Gate(folder, self._journal, Routing(self._home, current))
        self._records = MoveRecords(self._journal)
        self._mover = Mover(settings, self._stores, self._journal, self._gate, folder)
        self._running: asyncio.Task[None] | None = None
        self.store = MovableStore(self._stores, self._journal, self._gate, self._mover.wake.set)

    def _current(self) -> str:
        """The store that counts, by name."""
        try:
            if self._journal.routing() is None:
                return self._home
            found = self._journal.run_now(lambda connection: resolve(connection, self._home))
            if self._journal.routing() is None:
                # It was chosen anew: what lies beside it from an earlier move is stale.
                self._stores.forget(found)
            return found
        except StoreError as error:
            raise SystemExit(f"the journal of moves cannot be used: {error.message}") from error

    async def start(self) -> None:
        """Go on with a move that is under way."""
        if self._journal.routing():
            self._run()

    async def close(self) -> None:
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        await self.store.close()
        await self._stores.close()
        await self._journal.close()
        self._gate.close()

    async def list(self) -> list[Move]:
        return await self._records.list() if self._journal.routing() else []

    async def get(self, move_id: str) -> Move:
        found = next((move for move in await self.list() if move.id == move_id), None)
        if found is None:
            raise NotFound(f"There is no move {move_id[:60]!r}.", code="move_not_found")
        return found

    def pending(self, move: Move) -> int:
        """Changes that are not carried over yet."""
        routing = self._gate.routing()
        return routing.marked if move.active else 0

    async def create(self, target: str, *, replace: bool) -> Move:
        """Begin to move to the store of that name. Nothing is written where it raises MoveRefused or IndexMismatch."""
        origin = self._gate.routing().primary
        self._stores.check_name(target)
        if target == origin:
            raise MoveRefused(f"The service uses {target} already.")
        if await self._records.active() if self._journal.routing() else None:
            # Said by `create` below; the store of a move that is under way must not be closed.
            fresh = True
        else:
            fresh = await self._check(origin, target, replace=replace)
        move_id = await self._records.create(self._home, origin, target, fresh=fresh)
        self._run()
        return await self.get(move_id)

    async def act(self, move_id: str, action: Action) -> Move:
        """Have it done by the worker that drives the move, and wait. Raises what kept it from being done."""
        move = await self.get(move_id)
        if not move.active:
            raise MoveRefused(f"The move is over: it is {move.phase.replace('_', ' ')}.")
        await self._records.want(move, action)
        self._run()
        self._mover.wake.set()
        for _ in range(round(_ANSWER_S / _STEP_S)):
            await asyncio.sleep(_STEP_S)
            move = await self.get(move_id)
            if move.wanted is None:
                break
        else:
            raise Unavailable("The move has not answered yet.", fix="Look at it again.", retry_after=5)
        if move.answer:
            failed = ServiceError(move.answer["detail"], fix=move.answer["fix"], code=move.answer["code"])
            failed.status = move.answer["status"]
            raise failed
        return move

    async def _check(self, origin: str, target: str, *, replace: bool) -> bool:
        """Whether the target is empty."""
        try:
            # What lies beside it from an earlier move is stale.
            await self._stores.begin_anew(target)
            store = self._stores.named(target)
        except SystemExit as error:
            raise MoveRefused(f"The store {target} cannot be opened: {error}.") from error
        ours = {info.name: info for info in await self._stores.named(origin).list_indexes()}
        theirs = {info.name: info for info in await store.list_indexes()}
        for name, info in ours.items():
            check_target(info, theirs.get(name), store)
        if strangers := sorted(set(theirs) - set(ours)):
            raise MoveRefused(
                f"The store {target} holds other indexes: {', '.join(strangers[:5])}.",
                fix="Drop them, or move to a store of its own.",
            )
        counts = {name: sum((await store.count(name)).values()) for name in theirs}
        if any(counts.values()) and not replace:
            raise MoveRefused(
                f"The store {target} holds records in {', '.join(name for name, count in counts.items() if count)}.",
                fix='Give "replace": true to have them replaced.',
            )
        return not theirs

    def _run(self) -> None:
        if self._running is None or self._running.done():
            # Not on behalf of the request that began it: its deadline is not the move's.
            self._running = asyncio.create_task(self._mover.run(), context=Context())
