"""What happens to every request: its id, its trace, its deadline, its body's cap, and its errors."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
from askmesh_kit import context
from askmesh_kit.app import build_app
from askmesh_kit.errors import DeadlineExceeded
from askmesh_kit.http_client import service_client
from askmesh_kit.settings import ServiceSettings
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def test_a_request_gets_an_id_and_keeps_a_harmless_one(serve: Any) -> None:
    client = serve().client
    assert re.fullmatch("[0-9a-f]{16}", client.get("/livez").headers["x-request-id"])
    assert client.get("/livez", headers={"x-request-id": "my.id-1"}).headers["x-request-id"] == "my.id-1"


@pytest.mark.parametrize("given", ["a b", "x" * 129, 'x";alert(1)', ""])
def test_an_id_that_would_soil_the_log_is_replaced(serve: Any, given: str) -> None:
    assert serve().client.get("/livez", headers={"x-request-id": given}).headers["x-request-id"] != given


def test_id_and_trace_travel_from_one_service_to_the_next(serve: Any) -> None:
    behind = serve()
    front = serve(relay_to=behind.url)
    answer = front.client.get("/relay", headers={"x-request-id": "abc-1", "traceparent": TRACE})
    assert answer.json()["request_id"] == "abc-1"
    assert answer.json()["traceparent"] == TRACE
    assert answer.headers["x-request-id"] == "abc-1"


def test_a_trace_that_is_not_one_is_replaced(serve: Any) -> None:
    seen = serve().client.get("/context", headers={"traceparent": "00-xyz"}).json()["traceparent"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", seen)


def test_the_deadline_travels_and_only_shrinks(serve: Any) -> None:
    behind = serve(request_deadline_s=3000)
    front = serve(relay_to=behind.url, request_deadline_s=2000)
    left = front.client.get("/relay", headers={"x-request-deadline-ms": "500000"}).json()["left"]
    assert 400 < left < 500
    assert 1500 < front.client.get("/relay").json()["left"] < 2000
    assert 1500 < front.client.get("/relay", headers={"x-request-deadline-ms": "999999999999"}).json()["left"] < 2000


@pytest.mark.parametrize("given", ["-5", "soon", "1e3", "٣", ""])
def test_a_deadline_that_is_no_number_is_ignored(serve: Any, given: str) -> None:
    headers = {"x-request-deadline-ms": given.encode()}
    assert 800 < serve(request_deadline_s=900).client.get("/context", headers=headers).json()["left"] < 900


@asynccontextmanager
async def no_state(_: Any) -> AsyncIterator[dict[str, Any]]:
    yield {}


def slow_app(request_deadline_s: float) -> Any:
    router = APIRouter()

    @router.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(1000)

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> Any:
            yield b"begun\n"
            with suppress(DeadlineExceeded):
                while True:
                    await asyncio.sleep(context.time_left(10))
            yield b"beyond\n"
            await asyncio.sleep(0.1)
            yield b"end\n"

        return StreamingResponse(pieces())

    return build_app(
        name="slow",
        version="1",
        description="",
        settings=ServiceSettings(_env_file=None, request_deadline_s=request_deadline_s),
        routers=[router],
        lifespan=no_state,
    )


def test_a_request_past_its_deadline_is_a_504(serve_app: Any) -> None:
    # Without it, the client would be the first to give up.
    answer = serve_app(slow_app(request_deadline_s=0.3)).client.get("/slow")
    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")


def test_a_stream_that_has_begun_outlives_the_deadline(serve_app: Any) -> None:
    client = serve_app(slow_app(request_deadline_s=30)).client
    for milliseconds in (300, 3_000, 30_000):
        answer = client.get("/stream", headers={"x-request-deadline-ms": str(milliseconds)})
        # One that a busy machine does not let begin in time is rightly refused.
        if answer.status_code != 504:
            break
    assert answer.text == "begun\nbeyond\nend\n"


def test_a_call_without_time_left_is_not_made() -> None:
    async def call() -> None:
        context.set_deadline(0)
        async with service_client("http://127.0.0.1:9") as client:
            await client.get("anything")

    with pytest.raises(DeadlineExceeded):
        asyncio.run(call())


def test_a_declared_body_over_the_cap_is_a_413(serve: Any) -> None:
    answer = serve(max_body_bytes=1000).client.post("/anything", json=["x" * 1000])
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "MAX_BODY_BYTES" in answer.json()["fix"]


def test_a_chunked_body_over_the_cap_is_a_413(serve: Any) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'["'
        for _ in range(30):
            yield b"x" * 100
        yield b'"]'

    service = serve(max_body_bytes=1000)
    headers = {"content-type": "application/json"}
    answer = service.client.post("/anything", content=chunks(), headers=headers)
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_of_exactly_the_cap_passes(serve: Any) -> None:
    body = b'"' + b"x" * 998 + b'"'
    answer = serve(max_body_bytes=1000).client.post(
        "/anything", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200


def test_an_unexpected_error_tells_the_caller_nothing_but_where_to_look(serve: Any, capfd: Any) -> None:
    answer = serve().client.get("/broken", headers={"x-request-id": "find-me"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "find-me"
    assert "12345" not in answer.text
    assert "find-me" in answer.json()["fix"]
    assert "the launch code is 12345" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/things", 405, "method_not_allowed"),
        ("POST", "/things", 400, "invalid_request"),
    ],
)
def test_every_error_is_a_problem_with_a_code(serve: Any, method: str, path: str, status: int, code: str) -> None:
    answer = serve().client.request(method, path, **({"json": {"size": 1}} if method == "POST" else {}))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_told_the_right_ones(serve: Any) -> None:
    answer = serve().client.request("DELETE", "/v1/things")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_errors_under_v1_have_openais_shape(serve: Any) -> None:
    client = serve().client
    conflict = client.post("/v1/things", json={"name": "x"})
    assert conflict.status_code == 409
    assert conflict.json() == {
        "error": {
            "message": "x exists. Choose another name.",
            "type": "invalid_request_error",
            "param": "name",
            "code": "conflict",
        }
    }
    assert client.get("/v1/nowhere").json()["error"]["code"] == "not_found"


def test_a_peer_on_loopback_is_called_past_the_proxy_of_the_environment(serve: Any, monkeypatch: Any) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    front = serve(relay_to=serve().url)
    assert front.client.get("/relay").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"])
def test_a_foreign_host_name_is_refused_on_loopback(serve: Any, host: str) -> None:
    answer = serve().client.get("/livez", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"])
def test_loopback_names_are_answered(serve: Any, host: str) -> None:
    assert serve().client.get("/livez", headers={"host": host}).status_code == 200


def test_only_the_allowed_hosts_are_answered_where_they_are_given(serve: Any) -> None:
    client: httpx2.Client = serve(api_keys="k", allowed_hosts="localhost,askmesh.example").client
    assert client.get("/livez", headers={"host": "Askmesh.Example:443"}).status_code == 200
    assert client.get("/livez", headers={"host": "127.0.0.1"}).json()["code"] == "wrong_host"


def test_behind_keys_any_host_name_is_answered(serve: Any) -> None:
    client: httpx2.Client = serve(api_keys="k").client
    assert client.get("/livez", headers={"host": "askmesh.example"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_a_page_of_another_site_can_change_nothing(serve: Any, site: str) -> None:
    client: httpx2.Client = serve().client
    answer = client.post("/things", json={"name": "x"}, headers={"sec-fetch-site": site})
    if site == "cross-site":
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
        with_key = {"sec-fetch-site": site, "authorization": "Bearer k"}
        assert client.post("/things", json={"name": "x"}, headers=with_key).status_code == 200
        assert client.get("/livez", headers={"sec-fetch-site": site}).status_code == 200
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("address", ["/scopes/re%00ad", "/scopes/read?q=a%00b"])
def test_a_nul_in_the_address_is_refused(serve: Any, address: str) -> None:
    served = serve()
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), timeout=60) as connection:
        connection.sendall(f"GET {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:100]
    assert b'"code":"invalid_address"' in answer


def test_a_client_that_leaves_in_mid_body_is_no_failure_of_the_service(serve: Any, capfd: Any) -> None:
    served = serve()
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), timeout=60) as connection:
        head = (
            "POST /things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        )
        connection.sendall(head.encode() + b'{"name"')
    deadline = time.monotonic() + 60
    # It is logged in the same breath.
    while 'route="/things",status="499"' not in served.client.get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    seen = capfd.readouterr().err
    assert "499" in seen
    assert "unhandled_error" not in seen
