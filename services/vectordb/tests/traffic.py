"""Writes and reads of one client that knows what it was promised: every answer is compared with what may be true."""

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx2
import numpy as np

from .moved import DIMENSION

IDS = 60


def values(number: int) -> list[float]:
    return [float(v) for v in np.random.default_rng(number).normal(size=DIMENSION).astype(np.float32).astype("U")]


@dataclass
class Traffic:
    """`also`: another worker's address, asked in turn. `patient`: a connection that breaks is tried again, for the service is being killed; else it is a failure.

    History of an id: numbers of the writes that were sent, each with whether the record is there after it.
    """

    url: str
    patient: bool = False
    also: str = ""
    per_second: float = 20.0
    failures: list[str] = field(default_factory=list)
    writes: int = 0
    reads: int = 0
    slowest_s: float = 0.0
    _turn: int = 0
    sent: dict[str, list[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: dict[str, int] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    async def __aenter__(self) -> "Traffic":
        self._client = httpx2.AsyncClient(timeout=40)
        self._tasks = [asyncio.create_task(self._loop(work)) for work in (self._write, self._read)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()
        self.failures += [repr(result) for result in results if result]

    async def more(self, count: int = 8) -> None:
        """Return when so many more writes and reads have begun."""
        writes, reads = self.writes + count, self.reads + count
        while self.writes < writes or self.reads < reads:
            assert not any(task.done() for task in self._tasks), self.failures
            await asyncio.sleep(0.02)

    async def expected(self) -> dict[str, int]:
        """What must be there when all is quiet: the number of each record's last write."""
        return {name: history[-1][0] for name, history in self.sent.items() if history[-1][1]}

    async def _loop(self, work: Any) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            await work()
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            await asyncio.sleep(max(0.0, 1 / self.per_second - (time.monotonic() - began)))

    async def _write(self) -> None:
        self.writes += 1
        number, chance = self.writes, self._random.random()
        names = [f"t{self._random.randrange(IDS):03}" for _ in range(1 + self.writes % 3)]
        if chance < 0.6:
            vectors = [
                {"id": name, "values": values(number), "metadata": self._metadata(number)} for name in set(names)
            ]
            await self._change(number, set(names), True, "upsert", {"vectors": vectors})
        elif chance < 0.75:
            await self._change(number, set(names), False, "delete", {"ids": sorted(set(names))})
        elif chance < 0.9:
            present = [name for name, history in self.sent.items() if history[-1][1]][:1]
            if present:
                body = {"id": present[0], "setMetadata": {"n": number}}
                await self._change(number, set(present), True, "update", body)
        else:
            # All whose last write had this remainder, and are there.
            group = number % 5
            gone = {name for name, history in self.sent.items() if history[-1][1] and history[-1][0] % 5 == group}
            await self._change(number, gone, False, "delete", {"filter": {"group": group}})

    @staticmethod
    def _metadata(number: int) -> dict[str, Any]:
        return {"n": number, "group": number % 5, "text": f"word{number}", "tags": ["a", "b"]}

    async def _change(self, number: int, names: set[str], present: bool, path: str, body: dict[str, Any]) -> None:
        if path == "update":
            # The update leaves the group as it was.
            body["setMetadata"]["group"] = number % 5
        for name in names:
            self.sent[name].append((number, present))
        await self._send(f"vectors/{path}", body | {"namespace": "traffic"})
        for name in names:
            self.acknowledged[name] = number

    async def _read(self) -> None:
        self.reads += 1
        name = f"t{self._random.randrange(IDS):03}"
        least = self.acknowledged.get(name, 0)
        if self.reads % 2:
            body = {"id": name, "topK": 1, "namespace": "traffic", "includeMetadata": True}
            matches = (await self._send("query", body))["matches"]
            found = next((match["metadata"]["n"] for match in matches if match["id"] == name), None)
            if matches and found is None:
                # Two records with one vector, the other comes first.
                return
        else:
            answer = await self._send(f"vectors/fetch?ids={name}&namespace=traffic", None)
            found = answer["vectors"][name]["metadata"]["n"] if name in answer["vectors"] else None
        # Before its first write it is not there.
        possible = [entry for entry in [(0, False), *self.sent.get(name, [])] if entry[0] >= least]
        true = any(number == found if present else found is None for number, present in possible)
        if not true:
            asked = "queried" if self.reads % 2 else "fetched"
            self.failures.append(f"{name} {asked} is {found}, but may be {possible}")

    async def _send(self, path: str, body: dict[str, Any] | None) -> Any:
        until = time.monotonic() + 60
        while True:
            try:
                self._turn += 1
                address = f"{self.also if self.also and self._turn % 2 else self.url}/indexes/docs/{path}"
                answer = await (self._client.get(address) if body is None else self._client.post(address, json=body))
                answer.raise_for_status()
                return answer.json()
            except httpx2.HTTPError as error:
                refused = isinstance(error, httpx2.HTTPStatusError)
                if not self.patient or refused or time.monotonic() > until:
                    self.failures.append(f"{path}: {error!r} {error.response.text if refused else ''}")  # type: ignore[attr-defined]
                    raise
                await asyncio.sleep(0.05)
