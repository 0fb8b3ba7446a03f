"""The local store's threads: answers and errors come back, the last that was busy works next, and none is overrun."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest
from askmesh_vectordb.stores.local.threads import Threads

pytestmark = pytest.mark.anyio


@pytest.fixture
async def two() -> AsyncIterator[Threads]:
    threads = Threads(2, "test")
    yield threads
    threads.close()


async def test_answers_and_errors_come_back(two: Threads) -> None:
    assert await two.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await two.run(lambda: 1 // 0)
    assert await two.run(threading.get_ident) != threading.get_ident()


async def test_the_thread_that_worked_last_works_next(two: Threads) -> None:
    both = threading.Barrier(2)
    pair = await asyncio.gather(*(two.run(lambda: (both.wait(60), threading.get_ident())[1]) for _ in range(2)))
    assert len(set(pair)) == 2
    last = await two.run(lambda: (time.sleep(0.01), threading.get_ident())[1])
    assert {await two.run(threading.get_ident) for _ in range(20)} == {last}


async def test_what_waits_is_done_in_turn_by_no_more_than_so_many(two: Threads) -> None:
    running, most, order = 0, 0, []
    lock, both = threading.Lock(), threading.Barrier(2)

    def work(number: int) -> None:
        nonlocal running, most
        with lock:
            running, most = running + 1, max(most, running + 1)
            order.append(number)
        # Neither thread gets ahead of the other.
        both.wait(60)
        time.sleep(0.002)
        with lock:
            running -= 1
        both.wait(60)

    await asyncio.gather(*(two.run(lambda n=n: work(n)) for n in range(12)))  # type: ignore[misc]
    assert most == 2
    assert all(abs(number - place) <= 1 for place, number in enumerate(order))


async def test_what_was_given_up_before_its_turn_is_not_done(two: Threads) -> None:
    gate, done = threading.Event(), []
    busy = [asyncio.create_task(two.run(gate.wait)) for _ in range(2)]
    late = asyncio.create_task(two.run(lambda: done.append(1)))
    await asyncio.sleep(0.01)
    late.cancel()
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*busy)
    await two.run(lambda: done.append(2))
    assert done == [2]


async def test_closing_waits_for_what_was_handed_over() -> None:
    threads, done = Threads(1, "test"), []
    tasks = [asyncio.create_task(threads.run(lambda: (time.sleep(0.01), done.append(1)))) for _ in range(3)]
    await asyncio.sleep(0)
    threads.close()
    assert done == [1, 1, 1]
    await asyncio.gather(*tasks)
    with pytest.raises(RuntimeError):
        await threads.run(int)
