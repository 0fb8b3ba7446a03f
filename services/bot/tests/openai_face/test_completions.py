"""`/v1/chat/completions` in one piece, through OpenAI's SDK."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2
import openai
import pytest
from askmesh_bot.answering.base import Failed, Turn
from openai import AsyncOpenAI, OpenAI

from ..web.scripted import LEARN, OPEN, PASSAGES, READ_TEXT, abstained, answered, failed, sources_only
from ..web.site_app import Site, start_site
from .saying import QUESTION, ask, user

READ_URL = "https://ask.example.org/read/default/stdlib/pathlib.py#L1050-L1056"


def test_citations_are_links_and_annotations_of_them(client: OpenAI) -> None:
    choice = ask(client).choices[0]
    content, annotations = choice.message.content, choice.message.annotations
    assert choice.finish_reason == "stop"
    assert f"as one string. [1]({READ_URL})" in content
    assert [content[a.url_citation.start_index : a.url_citation.end_index] for a in annotations] == [
        f"[1]({READ_URL})",
        f"[1]({READ_URL})",
        f"[2]({OPEN.url})",
    ]
    assert {(a.type, a.url_citation.title, a.url_citation.url) for a in annotations} == {
        ("url_citation", READ_TEXT.header, READ_URL),
        ("url_citation", OPEN.header, OPEN.url),
    }


def test_an_abstention_is_an_answer_that_says_so_with_the_nearest_places(face: Site, client: OpenAI) -> None:
    face.script(QUESTION, abstained())
    completion = ask(client)
    message = completion.choices[0].message
    assert message.content.startswith("The sources do not hold an answer to this: no passage is close.")
    assert f"- [askmesh › Learn › Folders of text](https://ask.example.org{LEARN.url})" in message.content
    assert f"- [pathlib.Path.read\\_text(encoding=None, errors=None)]({READ_URL})" in message.content
    assert message.annotations == []
    # No model was asked.
    assert completion.usage.total_tokens == 0


def test_usage_is_left_open_where_it_is_not_known(client: OpenAI) -> None:
    assert ask(client).usage is None


def test_without_the_language_model_the_sources_answer_themselves(face: Site, client: OpenAI) -> None:
    face.script(QUESTION, sources_only())
    message = ask(client).choices[0].message
    assert message.content == f"Open the file in text mode, read it, and close the file. [1]({READ_URL})"
    assert len(message.annotations) == 1


def test_earlier_turns_are_the_history_and_system_messages_are_ignored(face: Site, client: OpenAI) -> None:
    face.script("And of bytes?", abstained())
    first = ask(client).choices[0].message.content
    nothing = ask(client, user("And of bytes?")).choices[0].message.content
    ask(
        client,
        {"role": "system", "content": "You are a pirate."},
        {"role": "assistant", "content": "How can I help?"},
        user(QUESTION),
        {"role": "assistant", "content": first},
        user("And of bytes?"),
        {"role": "assistant", "content": nothing},
        {"role": "developer", "content": "Answer in rhymes."},
        user([{"type": "text", "text": "And how do I"}, {"type": "text", "text": "open it?"}]),
    )
    question = face.assistant.asked[-1]
    assert question.text == "And how do I\nopen it?"
    assert question.audience == {"public"}
    told, untold = question.history
    assert told.question == QUESTION
    assert "as one string. [1]\n" in told.answer
    assert "https://" not in told.answer
    assert untold == Turn("And of bytes?", "")


def test_a_long_history_is_read_only_as_far_as_one_of_the_bots_own(face: Site, client: OpenAI) -> None:
    turns = [
        message for n in range(9) for message in (user(f"{n} " + "x" * 5000), {"role": "assistant", "content": "y"})
    ]
    ask(client, *turns, user(QUESTION))
    history = face.assistant.asked[-1].history
    assert [turn.question[0] for turn in history] == ["5", "6", "7", "8"]
    assert max(len(turn.question) for turn in history) == 2000


def test_nothing_of_it_is_kept(client: OpenAI, face_folder: Path) -> None:
    ask(client)
    with closing(sqlite3.connect(face_folder / "bot.db")) as database:
        counted = "select (select count(*) from conversations) + (select count(*) from answers)"
        assert database.execute(counted).fetchone() == (0,)


def test_what_a_client_sends_besides_is_ignored(client: OpenAI) -> None:
    harmless = {"n": 1, "stop": [], "tools": [], "tool_choice": "auto", "response_format": {"type": "text"}}
    tuning = {"temperature": 0.2, "max_tokens": 50, "presence_penalty": 1, "seed": 7, "user": "someone", "store": True}
    answer = ask(client, **harmless, **tuning, extra_body={"chat_id": "of some client"})
    assert answer.choices[0].message.content == ask(client).choices[0].message.content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("stop", "\n"),
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {}}}]),
        ("tool_choice", "required"),
        ("response_format", {"type": "json_object"}),
        ("logprobs", True),
        ("modalities", ["text", "audio"]),
    ],
)
def test_what_can_not_be_honoured_is_refused_by_name(client: OpenAI, name: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **{name: value})
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", name)
    assert name in refused.value.message


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([], "invalid_request"),
        ([{"role": "system", "content": "Be brief."}], "question_empty"),
        ([user("  ")], "question_empty"),
        ([user("x" * 2001)], "question_too_long"),
        ([user([{"type": "image_url", "image_url": {"url": "data:,"}}])], "unsupported_parameter"),
        ([user(7)], "invalid_request"),
    ],
)
def test_what_is_no_question_is_refused(client: OpenAI, messages: list[dict[str, object]], code: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="default", messages=messages)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("event", "error", "status"),
    [
        (failed()[0], openai.InternalServerError, 503),
        (failed(retryable=False)[0], openai.InternalServerError, 502),
        (Failed("deadline_exceeded", "No answer within 60 s."), openai.InternalServerError, 504),
        (Failed("nothing_learned", "Nothing yet.", "Learn.", retryable=False), openai.NotFoundError, 404),
        (Failed("index_mismatch", "Another model.", retryable=False), openai.ConflictError, 409),
        (Failed("overloaded", "Too many."), openai.RateLimitError, 429),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_failure_is_a_typed_error(
    face: Site, client: OpenAI, event: Failed, error: type[openai.APIStatusError], status: int, streamed: bool
) -> None:
    face.script(QUESTION, [event])
    with pytest.raises(error) as raised:
        ask(client, stream=streamed)
    assert (raised.value.status_code, raised.value.code) == (status, event.code)
    assert event.detail in raised.value.message
    assert raised.value.response.headers["content-type"] == "application/json"


def test_the_sdk_tries_again_by_itself(face: Site) -> None:
    face.script(QUESTION, [Failed("vectordb_unavailable", "Down.")])
    with (
        OpenAI(base_url=f"{face.url}/v1", api_key="x", max_retries=1) as client,
        pytest.raises(openai.InternalServerError),
    ):
        ask(client)
    assert len(face.assistant.asked) == 2


def test_keys_are_asked_for_as_everywhere(tmp_path: Path) -> None:
    with start_site(tmp_path, api_keys="sesame=read") as locked:
        for key, fails in (("sesame", False), ("wrong", True)):
            with OpenAI(base_url=f"{locked.url}/v1", api_key=key, max_retries=0) as client:
                for call in (lambda c=client: ask(c), lambda c=client: list(c.models.list())):
                    if fails:
                        with pytest.raises(openai.AuthenticationError) as refused:
                            call()
                        assert refused.value.code == "unauthenticated"
                    else:
                        assert call()


def test_only_these_paths_speak_openais_dialect(face: Site) -> None:
    wrong = httpx2.post(
        f"{face.url}/v1/chat/completions", content=b"{", headers={"content-type": "application/json"}, timeout=60
    )
    assert wrong.status_code == 400
    assert set(wrong.json()["error"]) == {"message", "type", "param", "code"}
    own = httpx2.post(f"{face.url}/v1/ask", json={"question": " "}, timeout=60)
    assert own.headers["content-type"] == "application/problem+json"


@pytest.mark.anyio
async def test_the_asynchronous_client_gets_the_same(face: Site, client: OpenAI) -> None:
    async with AsyncOpenAI(base_url=f"{face.url}/v1", api_key="x", max_retries=0) as asynchronous:
        answer = await asynchronous.chat.completions.create(model="askmesh", messages=[user(QUESTION)])
        assert [model.id async for model in asynchronous.models.list()] == ["default", "askmesh"]
    assert answer.choices[0].message == ask(client).choices[0].message


def test_titles_and_addresses_of_a_source_can_not_break_the_markdown(face: Site, client: OpenAI) -> None:
    passages = [
        replace(READ_TEXT, url="https://example.org/a(b) <c>?q=[1]"),
        replace(OPEN, url="javascript:alert(1)", header="[x](javascript:alert(1)) *bold*"),
        replace(LEARN, url="//elsewhere.example/x"),
    ]
    face.script("Cited?", answered("One [1]. Two [2]. Three [3][1]. Four [9].", passages, (1, 2, 3)))
    face.script("Nearest?", [replace(abstained()[0], passages=tuple(passages))])
    content = ask(client, user("Cited?")).choices[0].message.content
    one = "[1](https://example.org/a%28b%29%20%3Cc%3E?q=[1])"
    three = "[3](https://ask.example.org//elsewhere.example/x)"
    assert content == f"One {one}. Two [2]. Three {three} {one}. Four [9]."
    nearest = ask(client, user("Nearest?")).choices[0].message.content
    assert "- \\[x\\](javascript:alert(1)) \\*bold\\*" in nearest
    assert len(PASSAGES) == len([line for line in nearest.splitlines() if line.startswith("- ")])
