"""Many requests: the same tokens as plain `generate` in any order of arrival, and nothing left after any disconnect.

ASKMESH_LONG_TESTS=1 asks for all 200 prompts and 1,000 disconnects; else a part of them.
"""

import asyncio
import contextlib
import os
import pathlib
import random
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from askmesh_llm.engines.base import Message, SamplingParams
from askmesh_llm.engines.transformers.engine import TransformersEngine

from .conftest import settings

pytestmark = [pytest.mark.anyio, pytest.mark.models]

ALL = os.environ.get("ASKMESH_LONG_TESTS") == "1"
PROMPTS, DISCONNECTS = (200, 1000) if ALL else (30, 60)
WORDS = [
    "read",
    "write",
    "path",
    "file",
    "json",
    "parse",
    "asyncio",
    "queue",
    "the",
    "a",
    "of",
    "é",
    "中文",
    "🙂",
    "``code``",
    "<|end|>",
    "\n\n",
    "12345",
]


@pytest.fixture
async def engine(checkpoint: pathlib.Path) -> AsyncIterator[TransformersEngine]:
    """Closed whatever happens: its thread would keep the test run alive."""
    made = TransformersEngine(
        settings(engine="transformers", model=str(checkpoint), dtype="fp32", cache_tokens=2048, batch_tokens=96)
    )
    await made.start()
    yield made
    await made.close()


@pytest.mark.timeout(600)
async def test_greedy_answers_are_plain_generates_token_for_token(
    engine: TransformersEngine, checkpoint: pathlib.Path
) -> None:
    import torch
    from askmesh_llm.engines.transformers.sampling import Sampling
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    chance = random.Random(11)
    prompts = [" ".join(chance.choices(WORDS, k=chance.randint(1, 90))) for _ in range(PROMPTS)]
    waits = [chance.random() * PROMPTS / 40 for _ in prompts]
    places = asyncio.Semaphore(16)

    async def later(prompt: str, wait: float) -> tuple[list[int], list[float]]:
        """The tokens that arrived, with text put aside: text can hide a wrong token behind a part of a character."""
        await asyncio.sleep(wait)
        ids = (await engine.count_tokens([Message("user", prompt)])).ids
        async with places:
            made: list[int] = []
            async for fresh in engine._batcher.tokens(ids, 24, Sampling()):  # type: ignore[union-attr]
                made += fresh
        return list(ids), made

    answers = await asyncio.gather(*map(later, prompts, waits))
    different = 0
    for ids, made in answers:
        asked = torch.tensor([ids])
        plain = model.generate(asked, attention_mask=torch.ones_like(asked), max_new_tokens=24, do_sample=False)
        different += made != plain[0, len(ids) :].tolist()
    assert different == 0, f"{different} of {PROMPTS} answers differ"


@pytest.mark.timeout(600)
async def test_disconnects_at_any_moment_leak_nothing(serve: Callable[..., str], checkpoint: pathlib.Path) -> None:
    url = serve(engine="transformers", model=str(checkpoint), dtype="fp32", cache_tokens=1024, max_waiting=1000)
    chance = random.Random(5)
    places = asyncio.Semaphore(24)

    async def leave_early(client: httpx2.AsyncClient, number: int) -> None:
        ask = {
            "messages": [{"role": "user", "content": f"{number} hello"}],
            "max_tokens": 300,
            "stream": number % 3 > 0,
        }
        patience = chance.choice([0.0, 0.003, 0.02, 0.1, 0.25])

        async def read() -> None:
            async with client.stream("POST", f"{url}/v1/chat/completions", json=ask) as answer:
                async for _ in answer.aiter_bytes():
                    pass

        async with places:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(read(), patience)

    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        await asyncio.gather(*(leave_early(client, number) for number in range(DISCONNECTS)))
        async with asyncio.timeout(60):
            while any((left := await _gauges(client, url)).values()):
                await asyncio.sleep(0.05)
        assert left == {"active": 0, "waiting": 0, "held_tokens": 0}
        ask: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 400, "temperature": 0}
        whole = (await client.post(f"{url}/v1/chat/completions", json=ask)).json()
        assert whole["usage"]["completion_tokens"] > 0


async def _gauges(client: httpx2.AsyncClient, url: str) -> dict[str, float]:
    text = (await client.get(f"{url}/metrics")).text
    found = re.findall(r"^askmesh_llm_(active|waiting|held_tokens) (\S+)", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


async def test_after_disconnects_the_batch_and_the_cache_are_empty(engine: TransformersEngine) -> None:
    chance = random.Random(6)
    manager = engine._batcher._manager  # type: ignore[union-attr]

    async def leave(number: int) -> None:
        chunks = engine.generate([Message("user", f"{number} hello " * 8)], SamplingParams(max_tokens=200))
        task = asyncio.ensure_future(anext(chunks))
        await asyncio.wait([task], timeout=chance.random() / 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await chunks.aclose()

    free_before = _free_blocks(manager)
    await asyncio.gather(*map(leave, range(DISCONNECTS // 2)))
    await engine.golden_steps()  # one more step, after which everything cancelled is let go
    scheduler = manager.batch_processor.scheduler
    assert not manager.output_router.result_handlers
    assert manager.output_router.output_queue.empty()
    async with asyncio.timeout(60):
        while scheduler.active_requests or scheduler.waiting_requests or _free_blocks(manager) != free_before:
            await asyncio.sleep(0.02)


def _free_blocks(manager: Any) -> int:
    return int(manager.batch_processor.cache.compute_free_capacity())
