"""OpenAI's SDK asks the bot over the real services."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from askmesh_bot.app import create_app
from askmesh_bot.settings import Settings
from bot_mesh import serving
from openai import InternalServerError, NotFoundError, OpenAI

from .saying import annotations_of, text_of, user

READ = "How do I read a whole text file into a string with pathlib?"
TUNGSTEN = "What is the boiling point of tungsten?"


def test_an_answer_links_to_the_lines_it_rests_on(bot: str) -> None:
    with OpenAI(base_url=f"{bot}/v1", api_key="none", max_retries=0) as client:
        model = next(iter(client.models.list())).id
        whole = client.chat.completions.create(model=model, messages=[user(READ)]).choices[0].message
        chunks = list(client.chat.completions.create(model=model, messages=[user(READ)], stream=True))
        refusal = client.chat.completions.create(model=model, messages=[user(TUNGSTEN)]).choices[0].message
    assert text_of(chunks) == whole.content
    assert annotations_of(chunks[-1]) == [annotation.model_dump() for annotation in whole.annotations]
    citation = whole.annotations[0].url_citation
    assert citation.title.startswith("pathlib.Path.read_text(")
    assert whole.content[citation.start_index : citation.end_index].endswith(f"]({citation.url})")
    assert citation.url.startswith("http://127.0.0.1:8000/read/default/stdlib/pathlib.py#L")
    assert refusal.content.startswith("The sources do not hold an answer")
    assert "](http://127.0.0.1:8000/read/" in refusal.content
    assert refusal.annotations == []


def test_a_follow_up_is_understood_from_the_messages(bot: str) -> None:
    with OpenAI(base_url=f"{bot}/v1", api_key="none", max_retries=0) as client:
        first = client.chat.completions.create(model="askmesh", messages=[user(READ)]).choices[0].message
        messages = [user(READ), {"role": "assistant", "content": first.content}, user("And how do I write it?")]
        second = client.chat.completions.create(model="askmesh", messages=messages).choices[0].message
    titles = [annotation.url_citation.title for annotation in second.annotations]
    assert any("write" in title for title in titles), (second.content, titles)


@pytest.fixture
def without(learned: Settings) -> Iterator[Callable[[str], OpenAI]]:
    """Starts the bot with one peer, or its own knowledge, gone; a client of it."""
    with ExitStack() as stack:

        def start(missing: str) -> OpenAI:
            values = {"collection": "other"}
            if missing != "collection":
                values = {missing: getattr(learned, missing).model_copy(update={"url": "http://127.0.0.1:9"})}
            url = stack.enter_context(serving(lambda: create_app(learned.model_copy(update=values)))).url
            return stack.enter_context(OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0))

        yield start


@pytest.mark.parametrize("streamed", [False, True])
def test_a_peer_that_is_down_is_told_with_its_name(without: Callable[[str], OpenAI], streamed: bool) -> None:
    with pytest.raises(InternalServerError) as down:
        without("vectordb").chat.completions.create(model="askmesh", messages=[user(READ)], stream=streamed)
    assert (down.value.status_code, down.value.code) == (503, "vectordb_unavailable")
    assert "ASKMESH_VECTORDB_URL" in down.value.message


def test_without_the_language_model_the_sources_are_quoted_with_links(without: Callable[[str], OpenAI]) -> None:
    completions = without("llm").chat.completions
    message = completions.create(model="askmesh", messages=[user(READ)]).choices[0].message
    assert message.content.startswith("The language model can’t be used now.")
    assert message.annotations[0].url_citation.title.startswith("pathlib.Path.read_text(")
    chunks = list(completions.create(model="askmesh", messages=[user(READ)], stream=True))
    assert text_of(chunks) == message.content


def test_an_empty_collection_says_how_to_fill_it(without: Callable[[str], OpenAI]) -> None:
    client = without("collection")
    first, *others = (model.id for model in client.models.list())
    assert first == "other"
    assert {"default", "askmesh"} <= set(others)
    with pytest.raises(NotFoundError) as empty:
        client.chat.completions.create(model="askmesh", messages=[user(READ)])
    assert empty.value.code == "nothing_learned"
    assert "askmesh learn" in empty.value.message
