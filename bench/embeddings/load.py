"""Clients on keep-alive connections: little of their own, for they share the machine with the server."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

_DRAIN_S = 60


@dataclass(frozen=True)
class Load:
    """Seconds of each request, in order of completion, and the seconds of the whole."""

    latencies: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """By nearest rank."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Connection:
    """One client. `post` returns the body of a 200; anything else ends the run, for it would flatter the figures."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        self._reader, self._writer, self._path = reader, writer, path

    @classmethod
    async def open(cls, port: int, path: str) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26), path)

    async def post(self, inputs: list[str]) -> bytes:
        body = json.dumps({"input": inputs, "model": "minilm"}).encode()
        head = f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        header = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in header.split("\r\n") if line.lower().startswith("content-length:"))
        answer = await self._reader.readexactly(length)
        if " 200 " not in header.split("\r\n", 1)[0]:
            raise SystemExit(f"{self._path} answered {header.splitlines()[0]}: {answer[:300]!r}")
        return answer

    def close(self) -> None:
        self._writer.close()


async def closed_loop(
    port: int, path: str, texts: Iterator[str], *, clients: int, seconds: float, pause: float = 0
) -> Load:
    """Each client sends its next request when the last is answered (and `pause` seconds later), until time is up."""
    connections = [await Connection.open(port, path) for _ in range(clients)]
    latencies: list[float] = []
    began = time.perf_counter()

    async def client(connection: Connection) -> None:
        while time.perf_counter() - began < seconds:
            sent = time.perf_counter()
            await connection.post([next(texts)])
            latencies.append(time.perf_counter() - sent)
            if pause:
                await asyncio.sleep(pause)

    await asyncio.wait_for(asyncio.gather(*map(client, connections)), seconds + _DRAIN_S)
    for connection in connections:
        connection.close()
    return Load(latencies, time.perf_counter() - began)


async def ingest(
    port: int, path: str, texts: Iterator[str], *, count: int, per_request: int, clients: int = 2
) -> float:
    """Seconds that `count` texts take, sent by `clients` in requests of `per_request`."""
    waiting = [[next(texts) for _ in range(per_request)] for _ in range(count // per_request)]
    connections = [await Connection.open(port, path) for _ in range(clients)]
    began = time.perf_counter()

    async def client(connection: Connection) -> None:
        while waiting:
            await connection.post(waiting.pop())

    await asyncio.gather(*map(client, connections))
    for connection in connections:
        connection.close()
    return time.perf_counter() - began
