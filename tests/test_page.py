"""The web chat in a real browser, over the whole mesh."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from running_mesh import PATHLIB_QUESTION, UNANSWERABLE_QUESTION, RunningMesh

from services.bot.tests.web.browser import ask, find_chromium, launch, outcome

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium found: install the package chromium, or set ASKMESH_CHROMIUM to one")
    with sync_playwright() as playwright, launch(playwright, executable) as running:
        yield running


@pytest.fixture
def page(mesh: RunningMesh, browser: Any) -> Iterator[Page]:
    context = browser.new_context(base_url=mesh.urls["bot"])
    context.set_default_timeout(60_000)
    opened = context.new_page()
    opened.goto("/")
    yield opened
    context.close()


def test_a_citation_on_the_page_opens_the_lines_it_names(page: Page) -> None:
    ask(page, PATHLIB_QUESTION)
    expect(outcome(page, "answered")).to_be_visible(timeout=60_000)
    mark = page.locator(".answer-text a.cite").first
    address = mark.get_attribute("href")
    assert address
    assert "#L" in address
    with page.context.expect_page() as opened:
        mark.click()
    reader = opened.value
    first = address.partition("#L")[2].partition("-")[0]
    expect(reader.locator(f"#L{first}")).to_be_in_viewport(timeout=60_000)
    expect(reader.locator("body")).to_contain_text("def read_text", timeout=60_000)


def test_the_page_abstains(page: Page) -> None:
    ask(page, UNANSWERABLE_QUESTION)
    expect(outcome(page, "abstained")).to_be_visible(timeout=60_000)
    expect(page.locator(".answer-text a.cite")).to_have_count(0)
