"""Asks many questions, a few at a time, and waits out a bot that is busy or restarting."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from askmesh_bot.frontends.shell.client import DOWN, BotClient, Trouble

# Busy, or a service behind it is away.
_TEMPORARY = {429, 502, 503, 504}
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0

Reply = dict[str, Any] | Trouble


def ask_all(
    client: BotClient, bodies: Iterable[dict[str, Any]], *, workers: int, patience_s: float = 60.0
) -> Iterator[tuple[Reply, float]]:
    """(answer, seconds) of each, in order. A question that the bot refuses comes back as its Trouble.

    Raises Trouble where the bot stays busy or away for `patience_s`: what came before is good, the rest was not asked.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ask")
    asked: deque[Future[tuple[Reply, float]]] = deque()
    try:
        for body in bodies:
            asked.append(pool.submit(_ask, client, body, patience_s))
            # Slightly ahead, so that nobody is idle while an early one takes long.
            if len(asked) >= 2 * workers:
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _ask(client: BotClient, body: dict[str, Any], patience_s: float) -> tuple[Reply, float]:
    deadline, pause = time.monotonic() + patience_s, _FIRST_PAUSE_S
    while True:
        began = time.perf_counter()
        try:
            return client.call("POST", "v1/ask", body), time.perf_counter() - began
        except Trouble as trouble:
            if trouble.exit_code != DOWN and trouble.status not in _TEMPORARY:
                if trouble.status in {401, 403} or not trouble.status:
                    raise
                return trouble, time.perf_counter() - began
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
