"""`askmesh-llm bench`: many requests at once against a server, and what its callers see."""

import asyncio
import itertools
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import httpx2

WORDS = (
    "the",
    "of",
    "a",
    "path",
    "file",
    "read",
    "write",
    "open",
    "parse",
    "queue",
    "task",
    "json",
    "value",
    "name",
    "text",
    "line",
    "index",
    "token",
    "page",
)


@dataclass(frozen=True, slots=True)
class Load:
    """What to ask for: `requests` prompts of `prompt_words` words, `concurrency` at a time, `max_tokens` each.

    `first` numbers the first prompt; no two numbers give prompts that begin alike, so that nothing is answered from
    what a server has read before.
    """

    concurrency: int
    requests: int
    prompt_words: int = 100
    max_tokens: int = 64
    model: str = ""
    first: int = 0

    def prompt(self, number: int) -> str:
        """The prompt of this number, the same on every machine."""
        return " ".join(random.Random(number).choices(WORDS, k=self.prompt_words))  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class Answered:
    """One request as its caller saw it, in seconds from its start; `gaps_s` between pieces of text."""

    first_s: float
    total_s: float
    tokens: int
    gaps_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A load's figures. Times are in seconds, rates in tokens per second; `first_last_s` is the slowest first token."""

    concurrency: int
    requests: int
    failed: int
    tokens: int
    wall_s: float
    tokens_per_s: float
    first_p50_s: float
    first_p95_s: float
    first_last_s: float
    total_p50_s: float
    total_p95_s: float
    gap_p95_s: float

    def row(self) -> str:
        """The figures as a line of a table."""
        return (
            f"{self.concurrency:>4} at once  {self.tokens_per_s:8.1f} tokens/s  first token p50 {self.first_p50_s:6.2f} s"
            f"  p95 {self.first_p95_s:6.2f} s  whole p95 {self.total_p95_s:6.2f} s  failed {self.failed}"
        )

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


async def run(url: str, api_key: str, load: Load) -> Result:
    """Put the load on the server at `url` (its base, ending in /v1) and measure."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    numbers = itertools.count(load.first)
    answers: list[Answered] = []
    failed = 0
    trust_env = httpx2.URL(url).host not in {"127.0.0.1", "localhost", "::1"}
    async with httpx2.AsyncClient(headers=headers, timeout=600, trust_env=trust_env) as client:

        async def caller() -> None:
            nonlocal failed
            while (number := next(numbers)) < load.first + load.requests:
                answer = await _ask(client, f"{url.rstrip('/')}/chat/completions", load, number)
                if answer is None:
                    failed += 1
                else:
                    answers.append(answer)

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(load.concurrency)))
        wall = time.perf_counter() - began
    return summary(load, answers, failed, wall)


async def _ask(client: httpx2.AsyncClient, url: str, load: Load, number: int) -> Answered | None:
    """One streamed request; None when it failed."""
    body = {
        "messages": [{"role": "user", "content": load.prompt(number)}],
        "max_tokens": load.max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    } | ({"model": load.model} if load.model else {})
    began = time.perf_counter()
    moments: list[float] = []
    tokens = 0
    try:
        async with client.stream("POST", url, json=body) as response:
            if response.status_code != 200:
                return None
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                data = json.loads(line[6:])
                if data.get("error"):
                    return None
                if data.get("usage"):
                    tokens = int(data["usage"]["completion_tokens"])
                if any((choice.get("delta") or {}).get("content") for choice in data.get("choices") or []):
                    moments.append(time.perf_counter() - began)
    except (httpx2.HTTPError, ValueError):
        return None
    if not moments:
        return None
    gaps = tuple(later - earlier for earlier, later in itertools.pairwise(moments))
    return Answered(moments[0], time.perf_counter() - began, tokens or len(moments), gaps)


def summary(load: Load, answers: Sequence[Answered], failed: int, wall: float) -> Result:
    """The figures of a load. Raises SystemExit when nothing was answered."""
    if not answers:
        raise SystemExit(f"all {failed} requests failed")
    firsts, totals = [item.first_s for item in answers], [item.total_s for item in answers]
    tokens = sum(item.tokens for item in answers)
    return Result(
        concurrency=load.concurrency,
        requests=len(answers),
        failed=failed,
        tokens=tokens,
        wall_s=wall,
        tokens_per_s=tokens / wall,
        first_p50_s=statistics.median(firsts),
        first_p95_s=_quantile(firsts, 0.95),
        first_last_s=max(firsts),
        total_p50_s=statistics.median(totals),
        total_p95_s=_quantile(totals, 0.95),
        gap_p95_s=_quantile([gap for item in answers for gap in item.gaps_s] or [0.0], 0.95),
    )


def _quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(share * len(ordered) + 0.999999) - 1))]
