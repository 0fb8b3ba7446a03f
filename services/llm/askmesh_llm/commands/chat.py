"""`askmesh-llm chat`: a conversation in the terminal, with the engine of the settings or a server by URL."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable
from contextlib import aclosing

from askmesh_kit.errors import ServiceError

from askmesh_llm.engines.base import Engine, Message, SamplingParams

HELP = "/clear forgets the conversation, /quit or Ctrl-D ends, Ctrl-C stops an answer."


def chat(engine: Engine, system: str, params: SamplingParams, read: Callable[[str], str] = input) -> None:
    """Read questions and stream answers until the input ends. Raises SystemExit when the engine never gets ready."""
    # A shell that started this in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with asyncio.Runner() as runner:
        runner.run(engine.start())
        if trouble := runner.run(engine.ready()):
            runner.run(engine.close())
            raise SystemExit(f"the model can't answer: {trouble}")
        _say(f"{engine.info.model}. {HELP}\n")
        try:
            _converse(runner, engine, system, params, read)
        finally:
            runner.run(engine.close())


def _converse(
    runner: asyncio.Runner, engine: Engine, system: str, params: SamplingParams, read: Callable[[str], str]
) -> None:
    opening = [Message("system", system)] if system else []
    turns = list(opening)
    while True:
        try:
            question = read("\n> " if sys.stdin.isatty() else "").strip()
        except (EOFError, KeyboardInterrupt):
            _say("\n")
            return
        if question in ("/quit", "/exit"):
            return
        if question == "/clear":
            turns = list(opening)
        elif question == "/help":
            _say(f"{HELP}\n")
        elif question:
            turns.append(Message("user", question))
            pieces: list[str] = []
            # Ctrl-C during an answer ends the answer, not the conversation; what was said so far stays part of it.
            with contextlib.suppress(KeyboardInterrupt):
                runner.run(_answer(engine, turns, params, pieces))
            if pieces:
                turns.append(Message("assistant", "".join(pieces)))
            else:
                turns.pop()


async def _answer(engine: Engine, turns: list[Message], params: SamplingParams, pieces: list[str]) -> None:
    began, first = time.perf_counter(), 0.0
    try:
        async with aclosing(engine.generate(turns, params)) as chunks:
            async for chunk in chunks:
                first = first or time.perf_counter()
                pieces.append(chunk.text)
                sys.stdout.write(chunk.text)
                sys.stdout.flush()
                if chunk.usage:
                    rate = chunk.usage.completion_tokens / max(1e-9, time.perf_counter() - began)
                    _say(f"\n({chunk.usage.completion_tokens} tokens, {rate:.1f}/s, first after {first - began:.2f} s)")
    except ServiceError as error:
        _say(f"\n{error.message}")
    _say("\n")


def _say(text: str) -> None:
    """What is not the model's goes to the error stream, so that answers can be piped."""
    sys.stderr.write(text)
    sys.stderr.flush()
