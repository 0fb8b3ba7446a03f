"""Each part can be replaced by changing one variable: nothing else is configured, nothing is rebuilt."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from running_mesh import PATHLIB_QUESTION, RunningMesh

SENTENCE = "Call `Path.read_text()` [{number}]."


class OpenAiStub(BaseHTTPRequestHandler):
    """A stranger's chat server: OpenAI's two routes, none of our extensions, bytes written by hand."""

    requests: list[dict[str, Any]]

    def do_GET(self) -> None:
        known = self.path.endswith("/v1/models")
        models = [{"id": "stub-1", "object": "model", "created": 0, "owned_by": "someone"}]
        self._send(200 if known else 404, {"object": "list", "data": models} if known else {"error": {"message": "?"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.endswith("/v1/chat/completions"):
            self._send(404, {"error": {"message": "unknown", "type": "invalid_request_error"}})
            return
        self.server.requests.append(body)  # type: ignore[attr-defined]
        text = SENTENCE.format(number=self._number_of_read_text(body["messages"][-1]["content"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for piece in (text[:9], text[9:]):
            self._event({"index": 0, "delta": {"content": piece}, "finish_reason": None})
        self._event({"index": 0, "delta": {}, "finish_reason": "stop"})
        self.wfile.write(b"data: [DONE]\n\n")

    def _number_of_read_text(self, prompt: str) -> str:
        line = next(line for line in prompt.splitlines() if line.startswith("[") and "Path.read_text" in line)
        return line[1:].split()[0]

    def _event(self, choice: dict[str, Any]) -> None:
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "stub-1", "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def openai_stub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), OpenAiStub)
    server.requests = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def requests_served(url: str, route: str) -> float:
    lines = httpx2.get(f"{url}/metrics", timeout=60, trust_env=False).text.splitlines()
    counts = [line for line in lines if line.startswith("askmesh_http_requests_total") and f'"{route}"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in counts)


def test_another_llm_by_one_variable(mesh: RunningMesh, another_mesh: Any) -> None:
    with openai_stub() as stub:
        # Its own embeddings and vector database; the model alone is someone else's.
        other = another_mesh(ASKMESH_LLM_URL=f"http://127.0.0.1:{stub.server_port}")
        started = other.up()
        assert started.returncode == 0, started.stdout + started.stderr
        assert "llm" not in other.supervisor["services"]
        other.learn("python", "pathlib")
        body = other.ask(PATHLIB_QUESTION).json()
        other.close()
    assert body["outcome"] == "answered"
    assert "Path.read_text()" in body["answer"]
    assert body["model"] == "stub-1"
    assert stub.requests[0]["model"] == "stub-1"
    assert ["read_text" in citation["header"] for citation in body["citations"]] == [True]


@pytest.mark.parametrize(("name", "route"), [("embeddings", "/v1/embeddings"), ("vectordb", "/indexes/{index}/search")])
def test_another_instance_of_ours_by_one_variable(mesh: RunningMesh, another_mesh: Any, name: str, route: str) -> None:
    """The first mesh's service serves a second mesh, which then starts none of its own."""
    variable = {f"ASKMESH_{name.upper()}_URL": mesh.urls[name]}
    # A collection of its own, so that the first mesh's answers stay what they are.
    other = another_mesh(**variable, ASKMESH_BOT_COLLECTION="visitor")
    started = other.up()
    assert started.returncode == 0, started.stdout + started.stderr
    assert name not in other.supervisor["services"]
    assert "elsewhere" in other.script("status").stdout
    other.learn("python", "textwrap")
    before = requests_served(mesh.urls[name], route)
    body = other.ask("Which function removes common leading whitespace from every line?").json()
    assert requests_served(mesh.urls[name], route) > before
    assert body["outcome"] == "answered", body
    assert any("dedent" in citation["header"] for citation in body["citations"])
