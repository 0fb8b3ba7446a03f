"""Admission: places and tokens are never given twice, nobody starves, and a refusal tells the expected wait."""

import asyncio
import random
from typing import Any

import pytest
from askmesh_kit.errors import Overloaded
from askmesh_kit.metrics import Metrics
from askmesh_llm.serving.admission import Admission
from askmesh_llm.serving.metrics import LlmMetrics
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio


def admission(max_active: int = 4, max_waiting: int = 100, room: int | None = None) -> Admission:
    made = Admission(max_active, max_waiting, LlmMetrics(Metrics()))
    made.room = room
    return made


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Visit:
    """A request that stays until it is told to go."""

    def __init__(self, doors: Admission, caller: str, tokens: int = 0) -> None:
        self.inside, self._go = False, asyncio.Event()
        self.task = asyncio.create_task(self._stay(doors, caller, tokens))

    async def _stay(self, doors: Admission, caller: str, tokens: int) -> None:
        async with doors.place(caller, tokens):
            self.inside = True
            await self._go.wait()
        self.inside = False

    async def leave(self) -> None:
        self._go.set()
        await self.task
        await settle()


async def visits(doors: Admission, *sizes: int) -> list[Visit]:
    made = [Visit(doors, f"caller-{n}", size) for n, size in enumerate(sizes)]
    await settle()
    return made


async def test_tokens_are_a_limit_of_their_own() -> None:
    doors = admission(room=100)
    first, second, third = await visits(doors, 60, 30, 20)
    assert (first.inside, second.inside, third.inside) == (True, True, False)
    assert doors.held == 90
    await second.leave()
    assert third.inside
    await first.leave()
    await third.leave()
    assert (doors.active, doors.held, doors.waiting) == (0, 0, 0)


async def test_a_large_request_is_not_overtaken_and_runs_alone() -> None:
    doors = admission(room=100)
    small, large, later = await visits(doors, 50, 5000, 10)
    assert (small.inside, large.inside, later.inside) == (True, False, False)
    await small.leave()
    assert (large.inside, later.inside) == (True, False)
    await large.leave()
    assert later.inside
    await later.leave()


async def test_one_that_gives_up_makes_room_for_those_behind() -> None:
    doors = admission(room=100)
    small, large, later = await visits(doors, 50, 80, 10)
    large.task.cancel()
    await settle()
    assert later.inside
    await small.leave()
    await later.leave()
    assert (doors.active, doors.held, doors.waiting) == (0, 0, 0)


async def test_a_refusal_tells_the_wait_expected_from_the_latest_requests() -> None:
    doors = admission(max_active=2, max_waiting=2)
    for _ in range(2):
        quick = Visit(doors, "a")
        await asyncio.sleep(0.02)
        await quick.leave()
    doors._seconds_each = 10.0
    held = await visits(doors, 0, 0, 0, 0)
    with pytest.raises(Overloaded) as caught:
        async with doors.place("late"):
            pass
    assert caught.value.retry_after == pytest.approx(10 * 3 / 2)
    assert "about 15 s" in str(caught.value.fix)
    for visit in held:
        visit.task.cancel()
    await settle()


@hypothesis_settings(max_examples=40)
@given(seed=st.integers(0, 2**32), room=st.one_of(st.none(), st.integers(50, 300)), places=st.integers(1, 5))
def test_whatever_comes_goes_or_gives_up_the_limits_hold_and_nothing_is_lost(
    seed: int, room: int | None, places: int
) -> None:
    chance = random.Random(seed)

    async def play() -> None:
        doors = admission(places, chance.choice([3, 1000]), room)
        alive: list[Visit] = []
        for step in range(60):
            action = chance.random()
            if action < 0.55 or not alive:
                alive.append(Visit(doors, f"{chance.randrange(3)}/{chance.randrange(2)}", chance.randint(1, 200)))
            else:
                visit = alive.pop(chance.randrange(len(alive)))
                if visit.inside and action < 0.85:
                    await visit.leave()
                else:
                    visit.task.cancel()
            if step % 3:
                await settle()
            assert doors.active <= places
            assert room is None or doors.held <= room
        for visit in alive:
            visit.task.cancel()
        await asyncio.gather(*(visit.task for visit in alive), return_exceptions=True)
        await settle()
        assert (doors.active, doors.held, doors.waiting) == (0, 0, 0)

    asyncio.run(play())


@pytest.mark.models
async def test_the_models_cache_bounds_what_runs(checkpoint: Any) -> None:
    """Five requests of some 220 tokens each into room for two: at most two run, and all are answered."""
    from askmesh_llm.engines.base import Message, SamplingParams
    from askmesh_llm.engines.registry import create_engine
    from askmesh_llm.serving.generation import Generator

    from .conftest import settings

    engine = create_engine(settings(engine="transformers", model=str(checkpoint), dtype="fp32", cache_tokens=512))
    await engine.start()
    assert engine.info.capacity_tokens == 512
    doors = admission(max_active=8)
    generator = Generator(engine, doors, LlmMetrics(Metrics()), 60)
    most = 0

    async def ask(number: int) -> str:
        nonlocal most
        text = ""
        async for chunk in generator.stream([Message("user", f"number {number}")], SamplingParams(max_tokens=200), "a"):
            most = max(most, doors.active)
            assert doors.held <= 512
            text += chunk.text
        return text

    assert all(await asyncio.gather(*map(ask, range(5))))
    assert most == 2
    await engine.close()


async def test_a_key_gains_no_turns_by_naming_more_users() -> None:
    doors = admission(max_active=1)
    first = Visit(doors, "busy/0")
    await settle()
    many = [Visit(doors, f"busy/{user}") for user in range(1, 6)]
    await settle()
    modest = Visit(doors, "modest/")
    await settle()
    await first.leave()
    assert many[0].inside
    await many[0].leave()
    assert modest.inside
    assert not any(visit.inside for visit in many)
    for visit in [modest, *many[1:]]:
        await visit.leave()
    assert (doors.active, doors.waiting) == (0, 0)


@pytest.mark.parametrize(("crowd", "late"), [("busy/", "modest/"), ("one/busy", "one/modest")])
async def test_one_caller_cant_fill_the_queue_for_all(crowd: str, late: str) -> None:
    doors = admission(max_active=1, max_waiting=4)
    first = Visit(doors, crowd)
    await settle()
    queued = [Visit(doors, crowd) for _ in range(4)]
    await settle()
    with pytest.raises(Overloaded):
        async with doors.place(crowd):
            pass
    modest = [Visit(doors, late) for _ in range(2)]
    await settle()
    assert doors.waiting == 4
    for refused in queued[2:]:
        with pytest.raises(Overloaded, match="requests are being answered"):
            await refused.task
    # Both have two in the queue now: nobody makes way any more.
    with pytest.raises(Overloaded):
        async with doors.place(late):
            pass
    for visit in [first, queued[0], modest[0], queued[1], modest[1]]:
        await visit.leave()
    assert (doors.active, doors.held, doors.waiting) == (0, 0, 0)


async def test_a_refused_request_that_is_given_up_in_the_same_moment_gives_back_nothing() -> None:
    doors = admission(max_active=1, max_waiting=2)
    first, *queued = [Visit(doors, "busy/") for _ in range(3)]
    await settle()
    await settle()
    newcomer = Visit(doors, "modest/")
    await asyncio.sleep(0)
    queued[1].task.cancel()
    await settle()
    assert queued[1].task.cancelled()
    assert (doors.active, doors.waiting) == (1, 2)
    for visit in (first, queued[0], newcomer):
        await visit.leave()
    assert (doors.active, doors.held, doors.waiting) == (0, 0, 0)
