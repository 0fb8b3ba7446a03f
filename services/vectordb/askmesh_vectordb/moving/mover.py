"""Drives a live move from phase to phase. Each worker may run one; the one that holds the lease works."""

import asyncio
import fcntl
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from askmesh_kit.errors import Conflict, ServiceError
from askmesh_kit.logs import get_logger

from askmesh_vectordb.moving.backfill import Passes, Progress
from askmesh_vectordb.moving.gate import Gate
from askmesh_vectordb.moving.journal import Journal
from askmesh_vectordb.moving.named import NamedStores
from askmesh_vectordb.moving.records import Move, MoveRecords
from askmesh_vectordb.moving.replication import Replicator
from askmesh_vectordb.settings import Settings

log = get_logger("askmesh.moves")

_IDLE_S = 0.25
_LEASE_S = 1.0
_TIDY_S = 1.0
_HOLD_S = 5.0
"""Longest time that writes are held while the stores change places."""
_OLD_WRITES_S = 120.0
_LONGEST_PAUSE_S = 5.0
_MOST_PASSES = 3


class NotSettled(Conflict):
    code = "move_not_settled"


class _Changed(Exception):
    """The move is in another phase now."""


class Mover:
    """`wake` is set when there may be something to do."""

    def __init__(self, settings: Settings, stores: NamedStores, journal: Journal, gate: Gate, folder: Path) -> None:
        self._settings, self._stores, self._journal, self._gate = settings, stores, journal, gate
        self._records, self._lease_path = MoveRecords(journal), folder / "lease"
        self.wake = asyncio.Event()
        self._lease: int | None = None
        self._replicator: Replicator | None = None
        self._tidied = 0.0
        self._pause_s = _IDLE_S

    async def run(self) -> None:
        """Until no move is active. Never raises but when cancelled: what goes wrong is told in the move's `error`."""
        try:
            while True:
                try:
                    move = await self._records.active()
                    if move is None:
                        return
                    if self._has_lease():
                        await self._turn(move)
                    else:
                        await asyncio.sleep(_LEASE_S)
                except Exception as error:
                    log.error("move_stopped", exc_info=error)
                    await asyncio.sleep(_LONGEST_PAUSE_S)
        finally:
            if self._lease is not None:
                os.close(self._lease)
                self._lease = None

    async def _turn(self, move: Move) -> None:
        try:
            await self._step(move)
            self._pause_s = _IDLE_S
        except _Changed:
            return
        except (ServiceError, SystemExit, TimeoutError) as error:
            told = error.message if isinstance(error, ServiceError) else str(error) or "It took too long."
            log.warning("move_delayed", move=move.id, phase=move.phase, reason=told)
            await self._records.save(move, error=told)
            await self._wait(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            # Somebody may wish to roll back just because of that.
            if asked := await self._records.get(move.id):
                with suppress(_Changed):
                    await self._answer(asked, None)

    async def _step(self, move: Move) -> None:
        if move.phase == "dual":
            await self._begin(move)
            return
        replicator = self._replicating()
        await self._look_up(move, replicator)
        if move.phase == "backfill":
            await self._passes(move, replicator).fill()
            await self._records.save(move, phase="verify")
        elif move.phase == "verify":
            await self._verify(move, replicator)
        else:
            await self._wait(_IDLE_S)

    async def _begin(self, move: Move) -> None:
        """Have every write marked, then wait for those that began before."""
        await self._answer(move, None)
        old = await self._records.begin_marking()
        async with self._gate.closed(old, _OLD_WRITES_S):
            pass
        # What was written before must be there to be read.
        await asyncio.sleep(self._stores.lag_s(self._gate.routing().primary))
        move.progress.done, move.progress.total = 0, 0
        move.progress.index, move.progress.namespace, move.progress.cursor = "", "", ""
        await self._records.save(move, phase="backfill")

    async def _verify(self, move: Move, replicator: Replicator) -> None:
        equal = await self._passes(move, replicator).compare()
        progress = move.progress
        least = self._settings.move_min_overlap
        if equal and (progress.overlap is None or progress.overlap >= least):
            moved = self._gate.routing().primary == move.target
            await self._records.save(move, phase="reversed" if moved else "ready")
            return
        if progress.passes >= _MOST_PASSES:
            progress.passes = 0
            raise NotSettled(
                f"The stores still differ: {progress.repaired} records differed without a write that explains it"
                + (
                    "."
                    if progress.overlap is None
                    else f", the overlap of nearest neighbours is {progress.overlap:.3f}."
                ),
                fix="Is something else writing to one of them?",
            )
        await self._records.save(move)

    async def _look_up(self, move: Move, replicator: Replicator) -> None:
        """What has its turn between two pages: carrying over, and what somebody waits for."""
        if not self._gate.routing().journaling:
            move.progress.fresh = False
            log.warning("move_log_full", move=move.id, limit=self._settings.move_log_limit)
            await self._records.save(move, phase="dual")
            raise _Changed
        await replicator.drain()
        if time.monotonic() - self._tidied > _TIDY_S:
            self._tidied = time.monotonic()
            await self._journal.tidy()
        if asked := await self._records.get(move.id):
            problem = replicator.refused if self._gate.routing().marked else None
            if asked.error != problem:
                await self._records.save(move, error=problem)
            await self._answer(asked, replicator)

    async def _answer(self, move: Move, replicator: Replicator | None) -> None:
        """Do what is wanted. Raises _Changed where that changed the phase."""
        if move.wanted is None:
            return
        actions: dict[str, Callable[[Move, Replicator | None], Awaitable[None]]] = {
            "cut-over": self._cut_over,
            "roll-back": self._roll_back,
            "finish": self._finish,
        }
        try:
            await actions[move.wanted](move, replicator)
        except (ServiceError, TimeoutError) as error:
            failed = error if isinstance(error, ServiceError) else NotSettled("It took too long.", fix="Try again.")
            told = {"status": failed.status, "code": failed.code, "detail": failed.detail, "fix": failed.fix}
            await self._records.answer(move, told)
            return
        log.info("moved", move=move.id, action=move.wanted)
        await self._records.answer(move, {})
        raise _Changed

    async def _cut_over(self, move: Move, replicator: Replicator | None) -> None:
        if move.phase != "ready":
            raise NotSettled(f"The move is in the phase {move.phase}, not ready.", fix="Wait until it is ready.")
        if replicator is None:
            raise NotSettled("A store cannot be reached.", fix="See what delays the move.")
        await self._change_places(move, replicator)

    async def _roll_back(self, move: Move, replicator: Replicator | None) -> None:
        if self._gate.routing().primary == move.target:
            if move.phase != "reversed" or replicator is None:
                raise NotSettled("The old store is behind.", fix="Wait until the phase is reversed again.")
            await self._change_places(move, replicator)
        await self._records.end(move, "rolled_back")

    async def _finish(self, move: Move, _: Replicator | None) -> None:
        if self._gate.routing().primary != move.target:
            raise NotSettled("The service still uses the old store.", fix="Cut over first, or roll back.")
        await self._records.end(move, "finished")

    async def _change_places(self, move: Move, replicator: Replicator) -> None:
        """Hold new writes, let the old ones end, carry over the rest, and swap. Raises NotSettled, with all as before."""
        await replicator.drain()
        try:
            await self._records.hold(time.time() + _HOLD_S)
            async with asyncio.timeout(2 * _HOLD_S), self._gate.closed(self._gate.routing().epoch, _HOLD_S):
                await replicator.drain()
                left = self._gate.routing()
                if left.marked or not left.journaling:
                    raise NotSettled(
                        replicator.refused or f"{left.marked} changes are not carried over yet.",
                        fix="Try again when writes have rested for as long as the store lags."
                        if self._stores.lag_s(left.primary)
                        else "Try again.",
                        retry_after=1,
                    )
                await self._records.swap(move, "ready" if left.primary == move.target else "reversed")
        except BaseException:
            await self._records.hold(0.0)
            raise

    def _replicating(self) -> Replicator:
        """From the primary to the secondary, as they are now."""
        routing = self._gate.routing()
        primary, secondary = self._stores.named(routing.primary), self._stores.named(routing.secondary)
        known = self._replicator
        if known is None or (known.primary, known.secondary) != (primary, secondary):
            self._replicator = known = Replicator(primary, secondary, self._journal)
        return known

    def _passes(self, move: Move, replicator: Replicator) -> Passes:
        async def save(_: Progress) -> None:
            await self._records.save(move)
            await self._look_up(move, replicator)

        return Passes(
            replicator,
            self._journal,
            move.progress,
            save,
            page_size=self._settings.move_page_size,
            lag_s=self._stores.lag_s(self._gate.routing().secondary),
        )

    def _has_lease(self) -> bool:
        if self._lease is None:
            file = os.open(self._lease_path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            self._lease = file
        return True

    async def _wait(self, seconds: float) -> None:
        self.wake.clear()
        try:
            await asyncio.wait_for(self.wake.wait(), seconds)
        except TimeoutError:
            return
