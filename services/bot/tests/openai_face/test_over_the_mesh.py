"""OpenAI's SDK asks the bot over the real services."""

from pathlib import Path

import httpx2
import pytest
from askmesh_bot.app import create_app
from bot_mesh import bot_settings, serving
from openai import NotFoundError, OpenAI

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


def test_peers_that_are_down_are_told_as_openai_tells_it(tmp_path: Path, embeddings_server: object) -> None:
    nowhere = "http://127.0.0.1:9"
    settings = bot_settings(tmp_path, embeddings=embeddings_server.url, vectordb=nowhere, llm=nowhere)
    with (
        serving(lambda: create_app(settings)) as server,
        OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
    ):
        with pytest.raises(NotFoundError) as empty:
            client.chat.completions.create(model="askmesh", messages=[user(READ)])
        assert empty.value.code == "nothing_learned"
        assert "askmesh learn" in empty.value.message
        assert httpx2.get(f"{server.url}/v1/models").status_code == 200
