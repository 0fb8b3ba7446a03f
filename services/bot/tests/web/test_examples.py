"""Questions to begin with."""

import httpx2
import pytest
from askmesh_bot.database.models import DocumentRow, SourceRow
from askmesh_bot.frontends.web.examples import questions_about
from playwright.sync_api import expect

from .browser import outcome

PATHLIB = '''
class Path:
    def read_text(self, encoding=None, errors=None):
        """
        Open the file in text mode, read it, and close the file.
        """

    def rename(self, target):
        """
        Rename this path to the target path.

        The target path may be absolute or relative.
        """

    def _private(self):
        """Open something nobody should know about."""

    def cwd(cls):
        """Return a new path pointing to the current working directory."""

    def with_args(self, *args):
        """Open `args` as given by **kwargs."""

    def owner(self):
        """Return the owner's name. Raise if nobody is known by it."""
'''

GUIDE = """# Running askmesh

## How do replicas share state?

Text.

## Deploy with Compose

## Run it alone

## Settings

Add a store
-----------
"""


def test_docstrings_are_asked_back():
    assert list(questions_about("pathlib", "docstring", PATHLIB)) == [
        "How do I open the file in text mode, read it, and close the file with pathlib?",
        "How do I rename a path to the target path with pathlib?",
        "How do I get a new path pointing to the current working directory with pathlib?",
    ]


def test_headings_are_asked_back():
    assert list(questions_about("Running askmesh", "markdown", GUIDE)) == [
        "How do replicas share state?",
        "How do I deploy with Compose?",
        "How do I add a store?",
        "What is Running askmesh about?",
    ]


@pytest.mark.parametrize("kind", ["markdown", "docstring", "rst", "text", "thread"])
def test_any_text_will_do(kind):
    for text in ("", "\0", "#" * 10_000, "def f(" * 3_000, "=" * 10_000, "def f():\n" + " " * 20_000):
        assert list(questions_about("", kind, text)) == []


def test_before_anything_is_learned_the_page_says_how(page):
    expect(page.locator("#examples")).to_contain_text("Nothing has been learned yet.")
    expect(page.locator("#examples")).to_contain_text("askmesh learn")


def test_an_example_is_asked_by_a_click(site, open_page, learned):
    assert httpx2.get(site.url + "/v1/examples", timeout=60).json() == {
        "examples": [
            "How do replicas share state?",
            "How do I deploy with Compose?",
            "How do I add a store?",
            "What is History about?",
        ],
        "sources": [{"id": "guide", "title": "The guide", "documents": 2}],
    }
    page = open_page()
    expect(page.locator("#examples")).to_contain_text("Learned so far: The guide")
    page.get_by_role("button", name="How do I deploy with Compose?").click()
    expect(outcome(page, "answered")).to_be_visible()
    assert site.assistant.asked[-1].text == "How do I deploy with Compose?"


@pytest.fixture
def learned(site):
    rows = [
        SourceRow(collection="default", id="guide", kind="folder", title="The guide", location="/guide"),
        SourceRow(collection="default", id="empty", kind="folder", title="Empty", location="/empty"),
        SourceRow(collection="other", id="guide", kind="folder", title="Elsewhere", location="/guide"),
        DocumentRow(
            collection="default",
            source="guide",
            id="run.md",
            title="Running askmesh",
            path="run.md",
            kind="markdown",
            content_hash="x",
            text=GUIDE,
        ),
        # Asked first by its size, but it only has an "about" to offer: tasks come before it.
        DocumentRow(
            collection="default",
            source="guide",
            id="long.md",
            title="History",
            path="long.md",
            kind="markdown",
            content_hash="y",
            text="# History\n\nWords.",
            chunks=9,
        ),
    ]
    site.add_rows(rows)
    yield
    site.remove_rows(rows)
