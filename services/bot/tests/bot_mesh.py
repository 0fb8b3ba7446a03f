"""Real servers on loopback for the bot's tests: the other three services, and a language model that says what it is told."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from askmesh_bot.settings import AnsweringSettings, EmbeddingsPeer, LlmPeer, Settings, VectordbPeer
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of loopback that nobody else is given during the block: bound, so that only those who name it get it, and
    not listened at, so that connections are refused until a server is."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


class Server:
    """An app under uvicorn in a thread, which can be stopped and started again on the same port until it is closed."""

    def __init__(self, create: Callable[[], FastAPI]) -> None:
        self._create = create
        self._port = ExitStack()
        self.port = self._port.enter_context(reserved_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None

    def start(self) -> "Server":
        config = uvicorn.Config(
            self._create(), port=self.port, log_config=None, lifespan="on", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()), daemon=True)
        self._thread.start()
        until(lambda: self._server.started or not self._thread.is_alive())
        assert self._server.started, "the server did not start"
        return self

    def stop(self) -> None:
        if self._server:
            self._server.should_exit = True
            self._thread.join(60)
            assert not self._thread.is_alive()
            self._server = None

    def close(self) -> None:
        """Stop, and leave the port to others."""
        self.stop()
        self._port.close()


def until(done: Callable[[], object], seconds: float = 100) -> None:
    """Wait for something that will be true soon, however slow and busy the machine is."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def until_ready(url: str) -> None:
    until(lambda: httpx2.get(f"{url}/readyz", timeout=60).status_code == 200)


@contextmanager
def serving(create: Callable[[], FastAPI]) -> Iterator[Server]:
    server = Server(create)
    try:
        yield server.start()
    finally:
        server.close()


@dataclass
class ScriptedLlm:
    """An OpenAI-compatible server that answers what a test tells it to, and remembers what it was asked."""

    reply: str | Callable[[list[dict[str, str]]], str] = "NOT_IN_SOURCES"
    max_model_len: int | None = 4096
    tokenizes: bool = True
    # Characters per streamed piece, seconds between pieces, and the piece after which the connection breaks.
    piece: int = 7
    pause_s: float = 0.0
    breaks_after: int | None = None
    # Whether it is to wait with its next piece.
    holds: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    stopped_early: int = 0

    def app(self) -> FastAPI:
        app = FastAPI()
        app.get("/v1/models")(self.models)
        app.post("/tokenize")(self.tokenize)
        app.post("/v1/chat/completions")(self.chat)
        return app

    async def models(self) -> dict[str, Any]:
        card: dict[str, Any] = {"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}
        if self.max_model_len:
            card["max_model_len"] = self.max_model_len
        return {"object": "list", "data": [card]}

    async def tokenize(self, request: Request) -> Any:
        if not self.tokenizes:
            return JSONResponse({"detail": "Not Found"}, 404)
        body = await request.json()
        return {"count": count_tokens(body), "max_model_len": self.max_model_len, "tokens": []}

    async def chat(self, request: Request) -> StreamingResponse:
        body = await request.json()
        self.requests.append(body)
        text = self.reply if isinstance(self.reply, str) else self.reply(body["messages"])
        return StreamingResponse(self._stream(text), media_type="text/event-stream")

    async def _stream(self, text: str) -> AsyncIterator[str]:
        complete = False
        try:
            for number, start in enumerate(range(0, len(text), self.piece)):
                if number == self.breaks_after:
                    complete = True
                    return
                yield _chunk({"content": text[start : start + self.piece]})
                await asyncio.sleep(self.pause_s)
                while self.holds:
                    await asyncio.sleep(0.02)
            yield _chunk({}, "stop")
            yield "data: [DONE]\n\n"
            complete = True
        finally:
            self.stopped_early += not complete


def count_tokens(body: dict[str, Any]) -> int:
    """The scripted model's tokens: a word is one, a message costs four more."""
    if "messages" in body:
        return sum(4 + len(message["content"].split()) for message in body["messages"])
    return len(body["prompt"].split())


def _chunk(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"


def bot_settings(
    folder: Path, *, embeddings: str, vectordb: str, llm: str, answering: dict[str, Any] | None = None, **values: Any
) -> Settings:
    """Settings that no `.env` of the working directory can change, whose peers may take their time on a busy machine."""
    patient = {"connect_timeout_s": 60.0, "timeout_s": 60.0}
    return Settings(
        _env_file=None,
        log_level="warning",
        database_url=f"sqlite+aiosqlite:///{folder / 'bot.db'}",
        embeddings=EmbeddingsPeer(_env_file=None, url=embeddings, **patient),
        vectordb=VectordbPeer(_env_file=None, url=vectordb, **patient),
        llm=LlmPeer(_env_file=None, url=llm, **patient),
        answering=AnsweringSettings(_env_file=None, **{"search_timeout_s": 60.0} | (answering or {})),
        **values,
    )


def read_events(lines: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Server-sent events as (name, data)."""
    events, name = [], ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            events.append((name, json.loads(line[6:])))
    return events
