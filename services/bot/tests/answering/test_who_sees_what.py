"""The audience and the sources filter hold inside the database."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from askmesh_bot.answering.assistant import GroundedAssistant
from askmesh_bot.answering.base import Done, Event, Failed, Question
from askmesh_bot.database.collections import Collections
from askmesh_bot.database.engine import Database
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.llm import LlmClient
from askmesh_bot.peers.vectordb import VectordbClient
from askmesh_bot.settings import Settings
from bot_corpus import learn
from bot_mesh import Server, bot_settings

COLLECTION = "audiences"


def row(symbol: str, text: str, source: str, audience: list[str]) -> dict[str, Any]:
    return {"header": symbol, "symbol": symbol, "text": text, "source": source, "audience": audience, "document": symbol} | {
        "title": "", "url": f"/read/{symbol}", "kind": "text", "position": 0
    }  # fmt: skip


@pytest.fixture(scope="module")
def settings(
    tmp_path_factory: pytest.TempPathFactory, embeddings_server: Server, vectordb_server: Server, llm_server: Server
) -> Settings:
    folder: Path = tmp_path_factory.mktemp("audiences")
    urls = {"embeddings": embeddings_server.url, "vectordb": vectordb_server.url, "llm": llm_server.url}
    settings = bot_settings(folder, **urls)
    rows = [
        row("public-code", "The office door code for visitors is 1111.", "handbook", ["public"]),
        row("staff-code", "The office door code for staff is 2222.", "handbook", ["staff"]),
        row("other-code", "The office door code of the old building is 3333.", "archive", ["public", "staff"]),
    ]
    asyncio.run(learn(settings, rows, COLLECTION))
    return settings


def answer(settings: Settings, question: Question) -> list[Event]:
    async def collect() -> list[Event]:
        database = Database(settings.database_url)
        embeddings = EmbeddingsClient(settings.embeddings)
        vectordb, llm = VectordbClient(settings.vectordb), LlmClient(settings.llm)
        assistant = GroundedAssistant(
            collections=Collections(database),
            embeddings=embeddings,
            vectordb=vectordb,
            llm=llm,
            settings=settings.answering,
            max_answer_tokens=400,
        )
        events = [event async for event in assistant.answer(question)]
        for resource in (database, embeddings, vectordb, llm):
            await resource.close()
        return events

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("audience", "sources", "seen"),
    [
        ({"public"}, (), {"public-code", "other-code"}),
        ({"staff"}, (), {"staff-code", "other-code"}),
        ({"public", "staff"}, (), {"public-code", "staff-code", "other-code"}),
        ({"public"}, ("archive",), {"other-code"}),
        ({"strangers"}, (), set()),
        (set(), (), set()),
    ],
)
def test_only_what_its_readers_may_see_is_found(
    settings: Settings, audience: set[str], sources: tuple[str, ...], seen: set[str]
) -> None:
    question = Question("What is the office door code?", COLLECTION, (), frozenset(audience), sources)
    done = answer(settings, question)[-1]
    assert isinstance(done, Done)
    assert {passage.id.partition(":")[2] for passage in done.passages} == seen
    assert (done.outcome == "abstained") is (not seen)


def test_a_collection_nothing_was_learned_into_says_how_to_learn(settings: Settings) -> None:
    (_, failed) = answer(settings, Question("What is it?", "empty"))
    assert isinstance(failed, Failed)
    assert failed.code == "nothing_learned"
    assert "askmesh learn" in failed.fix
    assert not failed.retryable
