"""Where a question says to look: told from what it is about, and looked at first."""

import time
from typing import Any

import httpx2
import pytest
from askmesh_bot.answering.named_sources import in_named_source, named_source, of_source, plain
from askmesh_bot.answering.reranking import reordered
from askmesh_bot.answering.retrieval import Candidate
from askmesh_bot.peers.vectordb import Match
from bot_passages import passage
from hypothesis import given
from hypothesis import strategies as st


def match(path: str, title: str = "", kind: str = "markdown", header: str = "", score: float = 1.0) -> Match:
    data: dict[str, Any] = {"path": path, "title": title, "kind": kind, "header": header or f"Project › {title}"}
    return Match(path, score, data)


PLACES = [
    match("port", "Which port?", "thread", "Project chat › #help › Which port?"),
    match("README.md", "project"),
    match("FAQ.md", "Frequently asked questions"),
    match("docs/reference/configuration.md", "Configuration"),
    match("docs/reference/http-api.md", "HTTP API"),
    match("docs/guide/installing.md", "Installing"),
    match("CHANGELOG.md", "Changelog"),
    match("docs/release_notes/v2.0.1.rst", "Release notes v2.0.1", "rst"),
    match("src/project/client.py", "client", "docstring", "project.client.connect(port)"),
]


def first(question: str) -> str:
    """What stands first, where not everything stands as it did."""
    ordered = of_source(question, PLACES)
    return ordered[0].id if [one.id for one in ordered] != [one.id for one in PLACES] or ordered != PLACES else ""


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("According to the README, which port is it?", "README.md"),
        ("Which port is it according to the readme", "README.md"),
        ("What does the FAQ say about the port?", "FAQ.md"),
        ("Is there anything in the FAQs about ports?", "FAQ.md"),
        ("In the frequently changing FAQ, which port is it?", ""),
        ("Which port is it, as the configuration reference puts it?", "docs/reference/configuration.md"),
        ("What is the default port in the config docs?", "docs/reference/configuration.md"),
        ("Per the installation guide, which port do I open?", "docs/guide/installing.md"),
        ("How do I list ports in the HTTP API reference?", "docs/reference/http-api.md"),
        ("What do the docs on installing say about ports?", "docs/guide/installing.md"),
        ("What changed about the port in the changelog?", "CHANGELOG.md"),
        ("What do the release notes of 2.0.1 say about the port?", "docs/release_notes/v2.0.1.rst"),
        ("Which port does docs/guide/installing.md open?", "docs/guide/installing.md"),
        ("Which port does other/installing.md open?", ""),
        ("Which port is opened in guide/installing.md?", "docs/guide/installing.md"),
        ("What was said in the chat about the port?", "port"),
        ("According to our Slack, which port is it?", "port"),
        ("In the official documentation, which port is it?", "README.md"),
        # Nothing of that name is there, or nothing is named.
        ("What does the cookbook say about ports?", ""),
        ("According to the security page, which port is it?", ""),
        ("Which port is it?", ""),
        ("How do I send a message in the chat?", ""),
        ("How do I write the README of a package in a template?", ""),
        ("Which port does the reference implementation use?", ""),
        ("Does the page with the list of ports load?", ""),
        ("How do I run it in the main thread?", ""),
    ],
)
def test_what_is_named_stands_first(question: str, path: str) -> None:
    assert first(question) == path


def test_what_is_named_goes_by_name_before_headings() -> None:
    places = [match("notes.md", "Notes", header="Project › Notes › Migration"), match("docs/migration.md", "Migration")]
    assert of_source("What does the migration guide say?", places)[0].id == "docs/migration.md"
    assert [one.id for one in of_source("What does the migration guide say?", places[:1])] == ["notes.md"]


def test_documentation_in_the_code_is_the_apis() -> None:
    places = [match("guide.md", "Guide"), PLACES[-1]]
    assert of_source("What does connect take, according to the API reference?", places)[0].id == PLACES[-1].id


def test_what_stands_elsewhere_is_far_behind_and_keeps_its_order() -> None:
    ordered = of_source("According to the FAQ, which port is it?", PLACES)
    assert [one.id for one in ordered[1:]] == [one.id for one in PLACES if one.id != "FAQ.md"]
    assert [one.score for one in ordered] == [1.0, *[0.0] * (len(PLACES) - 1)]


def test_the_question_is_judged_without_the_name_of_the_source() -> None:
    assert plain("According to the FAQ, which port is it?", PLACES) == "which port is it?"
    assert plain("Which port is it in the configuration reference?", PLACES) == "Which port is it ?"
    asked = "According to the cookbook, which port is it?"
    assert plain(asked, PLACES) == asked


def test_a_reranker_does_not_bring_back_what_stands_elsewhere() -> None:
    passages = [passage(0, path="FAQ.md", kind="markdown"), passage(1, path="README.md", kind="markdown")]
    question = "According to the FAQ, which port is it?"
    assert in_named_source(question, passages) == [True, False]
    assert in_named_source("Which port is it?", passages) == [True, True]
    found = reordered(question, [Candidate(one) for one in passages], [0.1, 0.9])
    assert [one.passage.number for one in found] == [0, 1]


@pytest.mark.models
def test_words_that_name_a_source_are_no_words_that_must_be_found(bot: str) -> None:
    question = "According to the official pathlib reference manual, how do I read a whole text file into a string?"
    answer = httpx2.post(f"{bot}/v1/ask", json={"question": question}, timeout=60).json()
    assert answer["outcome"] == "answered"
    assert answer["citations"][0]["header"].startswith("pathlib.Path.read_text(")
    assert {place["path"] for place in answer["passages"][:2]} == {"pathlib.py"}


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    named = named_source(text)
    assert named is None or len(named.rest) <= len(text)
    assert sorted(one.id for one in of_source(text, PLACES)) == sorted(one.id for one in PLACES)


@pytest.mark.parametrize(
    "piece",
    ["in the ", "said ", "said in ", "the a ", "does the x ", "according to the a b c ", "in a.", "in the docs on "],
)
def test_long_questions_are_read_in_no_time(piece: str) -> None:
    text = (piece * 2000)[:4000]
    began = time.thread_time()
    named_source(text)
    assert time.thread_time() - began < 2
