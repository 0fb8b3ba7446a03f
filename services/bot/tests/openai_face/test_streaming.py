"""`/v1/chat/completions` streamed, through OpenAI's SDK."""

import json
import threading

import httpx2
import openai
import pytest
from askmesh_bot.answering.base import Citation, Delta, Done, Failed, Sources, Status
from openai import AsyncOpenAI, OpenAI

from ..bot_mesh import until
from ..web.scripted import PASSAGES, READ_TEXT, Gate, abstained, answered, failed, sources_only
from ..web.site_app import Site
from .saying import QUESTION, annotations_of, ask, stream, text_of, user


@pytest.mark.parametrize("events", [answered, abstained, sources_only])
def test_a_stream_tells_what_the_whole_answer_tells(face: Site, client: OpenAI, events: object) -> None:
    face.script(QUESTION, events())
    whole = ask(client).choices[0].message
    chunks = list(stream(client))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == whole.content
    last = chunks[-1].choices[0]
    assert last.finish_reason == "stop"
    assert annotations_of(chunks[-1]) == [annotation.model_dump() for annotation in whole.annotations]
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_sdks_own_assembly_of_a_stream_has_the_annotations(client: OpenAI) -> None:
    with client.chat.completions.stream(model="default", messages=[user(QUESTION)]) as streaming:
        message = streaming.get_final_completion().choices[0].message
    whole = ask(client).choices[0].message
    assert message.content == whole.content
    assert message.annotations == whole.annotations


@pytest.mark.anyio
async def test_the_asynchronous_client_streams_the_same(face: Site, client: OpenAI) -> None:
    async with AsyncOpenAI(base_url=f"{face.url}/v1", api_key="x", max_retries=0) as asynchronous:
        streaming = await asynchronous.chat.completions.create(model="default", messages=[user(QUESTION)], stream=True)
        chunks = [chunk async for chunk in streaming]
    assert text_of(chunks) == ask(client).choices[0].message.content


@pytest.mark.parametrize(("events", "tokens"), [(answered, None), (abstained, 0)])
def test_usage_comes_last_where_it_is_asked_for_and_known(
    face: Site, client: OpenAI, events: object, tokens: int | None
) -> None:
    face.script(QUESTION, events())
    chunks = list(stream(client, stream_options={"include_usage": True}))
    known = [chunk.usage.total_tokens for chunk in chunks if chunk.usage]
    assert known == ([] if tokens is None else [tokens])
    assert (chunks[-1].choices == []) == (tokens is not None)
    assert not any(chunk.usage for chunk in stream(client))


def test_text_is_passed_on_while_the_answer_is_written(face: Site, client: OpenAI) -> None:
    gate = Gate()
    sentence = "Call `Path.read_text()`. [1] "
    face.script(
        QUESTION, [Sources(PASSAGES), Delta(sentence), gate, *answered("Call `Path.read_text()`. [1]", cited=(1,))[-2:]]
    )
    streaming = stream(client)
    said = ""
    while "](" not in said:
        said += next(streaming).choices[0].delta.content
    assert said.startswith("Call `Path.read_text()`. [1](https://")
    gate.opened.set()
    assert text_of(list(streaming)) == ""


def test_comments_keep_a_silent_stream_open(face: Site, client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askmesh_bot.routes.streaming._KEEP_ALIVE_S", 0.02)
    gate = Gate()
    face.script(QUESTION, [Sources(PASSAGES), gate, *answered()])
    body = {"model": "default", "messages": [user(QUESTION)], "stream": True}
    with httpx2.stream("POST", f"{face.url}/v1/chat/completions", json=body, timeout=60) as response:
        lines = response.iter_lines()
        assert any(line == ": still here" for line in lines)
        gate.opened.set()
        assert "data: [DONE]" in list(lines)
    # The SDK reads over them.
    gate.opened.clear()
    threading.Timer(0.2, gate.opened.set).start()
    assert text_of(list(stream(client))) == ask(client).choices[0].message.content


def test_a_failure_in_mid_stream_is_an_error_event_and_no_done(face: Site, client: OpenAI) -> None:
    face.script(QUESTION, [Sources(PASSAGES), Delta("It is read. [1] "), *failed()])
    chunks = []
    with pytest.raises(openai.APIError) as raised:
        chunks.extend(iter(stream(client)))
    assert raised.value.code == "vectordb_unavailable"
    assert "Start it again." in raised.value.message
    body = {"model": "default", "messages": [user(QUESTION)], "stream": True}
    told = httpx2.post(f"{face.url}/v1/chat/completions", json=body, timeout=60).text.strip().split("\n\n")
    assert "It is read. [1](https://" in told[-2]
    error = json.loads(told[-1].removeprefix("data: "))["error"]
    assert error["type"] == "server_error"


def test_a_failure_while_searching_still_has_its_status(face: Site, client: OpenAI) -> None:
    face.script(QUESTION, [Status("searching", "…"), Failed("embeddings_unavailable", "Down.")])
    with pytest.raises(openai.InternalServerError) as raised:
        stream(client)
    assert raised.value.status_code == 503
    assert raised.value.response.headers["retry-after"] == "2"


def test_an_answer_that_became_another_follows_what_was_told(face: Site, client: OpenAI) -> None:
    quoted = "The language model can’t be used now. [1]"
    done = Done("sources_only", quoted, (Citation(READ_TEXT, quoted),), PASSAGES)
    face.script(QUESTION, [Sources(PASSAGES), Delta("It is opened. [1] "), done])
    chunks = list(stream(client))
    text = text_of(chunks)
    first, second = text.split("\n\n")
    assert first.startswith("It is opened. [1](")
    assert second.startswith("The language model can’t be used now. [1](")
    for annotation in annotations_of(chunks[-1]):
        place = annotation["url_citation"]
        assert text[place["start_index"] : place["end_index"]] == f"[1]({place['url']})"


def test_a_client_that_goes_away_stops_the_answer(face: Site, client: OpenAI) -> None:
    face.assistant.cancelled.clear()
    face.script(QUESTION, [Sources(PASSAGES), Delta("It is opened. [1] "), Gate()])
    streaming = stream(client)
    next(streaming)
    streaming.close()
    until(face.assistant.cancelled.is_set)
