"""A small service built with the kit, and real loopback servers to run it on."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import httpx2
import pytest
import uvicorn
from askmesh_kit import context
from askmesh_kit.app import build_app
from askmesh_kit.auth import Caller, require
from askmesh_kit.errors import Conflict, openai_error
from askmesh_kit.http_client import service_client
from askmesh_kit.json_body import JsonRoute
from askmesh_kit.settings import ServiceSettings
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel


class Thing(BaseModel):
    name: str
    size: float = 1


class Part(BaseModel):
    text: str


class Message(BaseModel):
    content: str | list[Part]


def make_router(relay_to: str = "") -> APIRouter:
    router = APIRouter(route_class=JsonRoute)

    @router.post("/things")
    async def create(thing: Thing) -> Thing:
        return thing

    @router.post("/messages")
    async def say(message: Message) -> Message:
        return message

    @router.post("/anything")
    async def anything(request: Request) -> Any:
        return await request.json()

    @router.post("/v1/things")
    async def create_openai(thing: Thing) -> Thing:
        raise Conflict(f"{thing.name} exists.", fix="Choose another name.", param="name")

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the launch code is 12345")

    @router.get("/scopes/read")
    async def read(caller: Annotated[Caller, Depends(require("read"))]) -> dict[str, Any]:
        return {"caller": caller.name, "scopes": sorted(caller.scopes)}

    @router.get("/scopes/write")
    async def write(caller: Annotated[Caller, Depends(require("write"))]) -> dict[str, str]:
        return {"caller": caller.name}

    @router.get("/context")
    async def show_context() -> dict[str, Any]:
        return {
            "request_id": context.request_id.get(),
            "traceparent": context.traceparent.get(),
            "left": context.time_left(10_000.0),
        }

    @router.get("/relay")
    async def relay() -> Any:
        async with service_client(relay_to, timeout_s=5000, connect_timeout_s=60) as client:
            return (await client.get("context")).json()

    return router


@asynccontextmanager
async def no_state(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {}


def make_app(relay_to: str = "", **settings: Any) -> FastAPI:
    checks = settings.pop("checks", {})
    optional_checks = settings.pop("optional_checks", {})
    return build_app(
        name="example",
        version="1",
        description="A service for these tests.",
        settings=ServiceSettings(_env_file=None, **settings),
        routers=[make_router(relay_to)],
        lifespan=no_state,
        checks=checks,
        optional_checks=optional_checks,
        error_dialects={"/v1/": openai_error},
    )


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve `app` on a free loopback port for the length of the block; yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # A connection that a test leaves alone for a while is not closed under its next request.
        config = uvicorn.Config(
            app, log_config=None, lifespan="on", timeout_graceful_shutdown=2, timeout_keep_alive=100
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass
class Served:
    """A running example service and a client for it."""

    url: str
    client: httpx2.Client


@pytest.fixture
def serve_app() -> Iterator[Callable[[FastAPI], Served]]:
    """`serve_app(app)` serves any app until the test ends."""
    with ExitStack() as stack:

        def start(app: FastAPI) -> Served:
            url = stack.enter_context(running(app))
            return Served(url, stack.enter_context(httpx2.Client(base_url=url, timeout=60, trust_env=False)))

        yield start


@pytest.fixture
def serve(serve_app: Callable[[FastAPI], Served]) -> Callable[..., Served]:
    """`serve(**settings)` serves the example service with these settings."""
    return lambda **settings: serve_app(make_app(**settings))
