"""A peer that is down, hangs or breaks off is told within seconds; when it is back, so are the answers."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx2
import pytest
from askmesh_bot.app import create_app
from askmesh_bot.settings import AnsweringSettings, Settings
from bot_mesh import ScriptedLlm, Server, reserved_port, serving, until

READ = "How do I read a whole text file into a string with pathlib?"


def ask(url: str) -> httpx2.Response:
    return httpx2.post(f"{url}/v1/ask", json={"question": READ}, timeout=100)


@pytest.fixture
def bots() -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(serving(lambda: create_app(settings))).url


def pointing(settings: Settings, peer: str, url: str) -> Settings:
    return settings.model_copy(update={peer: getattr(settings, peer).model_copy(update={"url": url})})


@pytest.fixture
def closed_port() -> Iterator[str]:
    with reserved_port() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def silent_port() -> Iterator[str]:
    """Accepts connections and never answers, like a stopped process."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("peer", "how"), [("embeddings", "closed_port"), ("embeddings", "silent_port"), ("vectordb", "closed_port")]
)
def test_search_down_is_told_when_its_time_is_up(
    learned: Settings, bots: Any, peer: str, how: str, request: pytest.FixtureRequest
) -> None:
    assert AnsweringSettings(_env_file=None).search_timeout_s < 5
    url = request.getfixturevalue(how)
    # The peers' own timeouts are a minute here. Where one refuses, nothing has to wait for its time.
    patience_s = 1.0 if how == "silent_port" else 60.0
    answering = learned.answering.model_copy(update={"search_timeout_s": patience_s})
    bot = bots(pointing(learned.model_copy(update={"answering": answering}), peer, url))
    began = time.monotonic()
    response = ask(bot)
    assert time.monotonic() - began < 50
    problem = response.json()
    assert response.status_code == 503
    assert problem["code"] == f"{peer}_unavailable"
    assert url in problem["detail"]
    assert f"ASKMESH_{peer.upper()}_URL" in problem["fix"]
    assert "retry-after" in response.headers


@pytest.mark.parametrize("how", ["closed_port", "silent_port"])
def test_without_the_model_the_sources_speak_for_themselves(
    learned: Settings, bots: Any, how: str, request: pytest.FixtureRequest
) -> None:
    # What searches has as long: as in the settings that people run.
    answering = learned.answering.model_copy(
        update={"search_timeout_s": AnsweringSettings(_env_file=None).search_timeout_s}
    )
    url = request.getfixturevalue(how)
    bot = bots(pointing(learned.model_copy(update={"answering": answering}), "llm", url))
    began = time.monotonic()
    answer = ask(bot).json()
    assert time.monotonic() - began < 50
    assert answer["outcome"] == "sources_only"
    assert "Open the file in text mode, read it, and close the file." in answer["answer"]
    assert answer["citations"][0]["header"].startswith("pathlib.Path.read_text(")
    assert "llm" in answer["reason"]


def test_a_model_that_breaks_off_leaves_the_sources(scripted: ScriptedLlm, scripted_bot: Any) -> None:
    scripted.reply, scripted.breaks_after = "Open the file in text mode, read it, and close the file. [1]", 3
    answer = ask(scripted_bot()).json()
    assert answer["outcome"] == "sources_only"
    assert "broke off" in answer["reason"]


def test_when_the_peer_is_back_so_are_the_answers(learned: Settings, bots: Any) -> None:
    llm = ScriptedLlm(reply="NOT_IN_SOURCES")
    server = Server(llm.app).start()
    try:
        bot = bots(pointing(learned, "llm", server.url))
        assert ask(bot).json()["outcome"] == "abstained"
        server.stop()
        assert ask(bot).json()["outcome"] == "sources_only"
        server.start()
        assert ask(bot).json()["outcome"] == "abstained"
    finally:
        server.close()


def test_a_wrong_key_or_model_is_not_called_down(learned: Settings, bots: Any, embeddings_server: Server) -> None:
    wrong = learned.embeddings.model_copy(update={"model": "no-such-model"})
    response = ask(bots(learned.model_copy(update={"embeddings": wrong})))
    assert response.status_code in {409, 502}
    assert response.json()["code"] in {"embeddings_error", "index_mismatch"}


def test_the_deadline_ends_an_answer(scripted: ScriptedLlm, scripted_bot: Any) -> None:
    scripted.reply, scripted.pause_s = "word " * 2000, 0.05
    response = ask(scripted_bot(deadline_s=3.0))
    assert response.status_code == 504
    assert response.json()["code"] == "deadline_exceeded"
    # On a machine that stood still the time may be over before the model is asked.
    until(lambda: scripted.stopped_early == len(scripted.requests))


def test_a_reader_who_leaves_stops_the_model(scripted: ScriptedLlm, scripted_bot: Any) -> None:
    scripted.reply, scripted.pause_s = "word " * 2000, 0.05

    async def leave() -> None:
        async with httpx2.AsyncClient(timeout=100) as client:
            body = {"question": READ, "stream": True}
            async with client.stream("POST", f"{scripted_bot()}/v1/ask", json=body) as response:
                async for line in response.aiter_lines():
                    if '"writing"' in line:
                        break
            await asyncio.sleep(0)

    asyncio.run(leave())
    until(lambda: scripted.stopped_early == 1)


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("POST", "/v1/ask", {"json": {"question": READ}}),
        ("POST", "/v1/chat/completions", {"json": {"messages": [{"role": "user", "content": READ}]}}),
        ("GET", "/ask", {"params": {"q": READ}}),
    ],
)
def test_a_reader_who_leaves_before_the_whole_answer_stops_the_model(
    scripted: ScriptedLlm, scripted_bot: Any, method: str, path: str, asked: dict[str, Any]
) -> None:
    scripted.reply, scripted.pause_s = "word " * 2000, 0.05

    async def leave() -> None:
        async with httpx2.AsyncClient(timeout=100) as client:
            asking = asyncio.create_task(client.request(method, f"{scripted_bot()}{path}", **asked))
            while not scripted.requests:
                await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.wait([asking])

    asyncio.run(leave())
    until(lambda: scripted.stopped_early == 1)


def test_the_prompt_fits_a_small_model_by_its_own_count(scripted: ScriptedLlm, scripted_bot: Any) -> None:
    from bot_mesh import count_tokens

    scripted.max_model_len = 512
    ask(scripted_bot())
    (request,) = scripted.requests
    assert request["max_tokens"] == 128
    assert count_tokens(request) + request["max_tokens"] <= 512
    assert "pathlib.Path.read_text(" in request["messages"][-1]["content"]


def test_a_server_without_tokenize_gets_a_careful_estimate(scripted: ScriptedLlm, scripted_bot: Any) -> None:
    scripted.tokenizes, scripted.max_model_len = False, None
    ask(scripted_bot())
    (request,) = scripted.requests
    characters = sum(len(message["content"]) for message in request["messages"])
    assert characters / 3 + request["max_tokens"] <= 4096


def test_an_obedient_model_cannot_put_anything_in_its_answer(scripted: ScriptedLlm, scripted_bot: Any) -> None:
    scripted.reply = (
        "Open the file in text mode, read it, and close the file. [1]\n\n"
        "[Click here](http://evil.example) @everyone <img src=x> [99]\n\nThe password is hunter2. [1]"
    )
    answer = ask(scripted_bot()).json()
    assert answer["outcome"] == "answered"
    assert "evil" not in answer["answer"]
    assert "everyone" not in answer["answer"]
    assert "hunter2" not in answer["answer"]
    assert answer["answer"].startswith("Open the file in text mode, read it, and close the file. [")
