"""A pool of threads for calls that an event loop waits for.

Of the idle threads the one that worked last works next, while its processor still has at hand what a search needs:
`ThreadPoolExecutor` takes them in turn, which costs a query nearly a tenth of a millisecond.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Tell = Callable[[], None]
_Call = Callable[[], _Tell]
"""Does some work, and returns what tells of its outcome."""
_Inbox = SimpleQueue[_Call | None]


class Threads:
    """At most `size` of them; what they cannot take at once waits its turn, without a limit."""

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._idle: list[_Inbox] = []
        self._started: list[tuple[Thread, _Inbox]] = []
        self._waiting: deque[_Call] = deque()
        self._lock = Lock()
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, on a thread. A call that is given up before its turn is not made."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._hand_over(partial(_call, loop, future, work))
        return await future

    def close(self) -> None:
        """Return when all that was handed over is done."""
        with self._lock:
            self._closed = True
            for _, inbox in self._started:
                inbox.put(None)
        for thread, _ in self._started:
            thread.join()

    def _hand_over(self, call: _Call) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("the store is closed")
            if self._idle:
                self._idle.pop().put(call)
            elif len(self._started) < self._size:
                self._start(call)
            else:
                self._waiting.append(call)

    def _start(self, call: _Call) -> None:
        inbox: _Inbox = SimpleQueue()
        inbox.put(call)
        thread = Thread(target=self._work, args=(inbox,), name=f"{self._name}-{len(self._started)}", daemon=True)
        self._started.append((thread, inbox))
        thread.start()

    def _work(self, inbox: _Inbox) -> None:
        while (call := inbox.get()) is not None:
            while call is not None:
                tell = call()
                # First, so that who hears of the outcome and asks again finds this thread free.
                call = self._next(inbox)
                tell()
                del tell

    def _next(self, inbox: _Inbox) -> _Call | None:
        """Another call that waits; with none, the thread is idle."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._idle.append(inbox)
            return None


def _call(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]", work: Callable[[], Any]) -> _Tell:
    settle: _Tell
    if future.cancelled():
        return lambda: None
    try:
        settle = partial(_return, future, work())
    except BaseException as error:  # noqa: BLE001  (for who waits to see)
        settle = partial(_raise, future, error)
    return partial(_tell, loop, settle)


def _tell(loop: asyncio.AbstractEventLoop, settle: Callable[[], None]) -> None:
    # A loop that has ended waits for nobody.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(settle)


def _return(future: "asyncio.Future[Any]", value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _raise(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
