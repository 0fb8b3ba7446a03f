"""Runs the work behind an answer in a task of its own, so that its deadline and its cancellation are its own too."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from askmesh_kit import context
from askmesh_kit.errors import ServiceError
from askmesh_kit.logs import get_logger

from askmesh_bot.answering.base import Done, Event, Failed

log = get_logger("askmesh.answering")

Emit = Callable[[Event], Awaitable[None]]

# Enough that a reader's hiccup does not stop the model; a reader who stalls holds it back.
_AHEAD = 256


async def events_of(work: Callable[[Emit], Awaitable[None]], deadline_s: float) -> AsyncGenerator[Event, None]:
    """What `work` emits, up to its Done or Failed. Its errors become a Failed. Leaving the iteration cancels it."""
    queue: asyncio.Queue[Event] = asyncio.Queue(_AHEAD)
    task = asyncio.create_task(_guarded(work, queue.put, deadline_s))
    try:
        while True:
            event = await queue.get()
            yield event
            if isinstance(event, (Done, Failed)):
                return
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _guarded(work: Callable[[Emit], Awaitable[None]], emit: Emit, deadline_s: float) -> None:
    try:
        allowed = context.time_left(deadline_s)
        # The task has a copy of the request's context: this shortens the deadline of its calls to peers only.
        context.set_deadline(allowed)
        async with asyncio.timeout(allowed):
            await work(emit)
    except TimeoutError:
        await emit(Failed("deadline_exceeded", f"No answer within {deadline_s:g} s.", "Ask again, or ask for less."))
    except ServiceError as error:
        await emit(failed(error))
    except Exception as error:
        log.error("answer_failed", exc_info=error)
        fix = f"The operator finds it in the log under {context.request_id.get() or 'answer_failed'}."
        await emit(Failed("internal_error", "Something went wrong while answering.", fix, retryable=False))


def failed(error: ServiceError) -> Failed:
    """An error as the event that ends an answer."""
    return Failed(error.code, error.detail, error.fix or "", retryable=error.status in {429, 503, 504})
