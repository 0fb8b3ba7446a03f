"""The real app with a scripted assistant behind it on loopback, and a browser in front of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect, sync_playwright

from .browser import PATIENCE_MS, Watch, find_chromium, launch
from .site_app import Site, start_site


@pytest.fixture(scope="session")
def web_site(tmp_path_factory) -> Iterator[Site]:
    with start_site(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture
def site(web_site) -> Site:
    """The running site, with no script left over from another test."""
    web_site.assistant.scripts.clear()
    return web_site


@pytest.fixture(scope="session")
def site_with_key(tmp_path_factory) -> Iterator[Site]:
    with start_site(tmp_path_factory.mktemp("locked"), api_keys="sesame=read,open=read") as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    """A browser per module: while Playwright runs, the thread counts as running an event loop, and no other test
    could start one."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium found: install the package chromium, or set ASKMESH_CHROMIUM to one")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright, launch(playwright, executable) as running:
        yield running


@pytest.fixture
def open_page(site, browser):
    """Opens pages, each in a context of its own; afterwards none may have logged an error or left its origin."""
    contexts, watches = [], []

    def opened(path: str = "/", base: str = site.url, init_script: str = "", **options):
        context = browser.new_context(base_url=base, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if init_script:
            context.add_init_script(init_script)
        page = context.new_page()
        watches.append(Watch(page, base))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    for watch in watches:
        watch.check()


@pytest.fixture(scope="module")
def shared_context(web_site, browser):
    context = browser.new_context(base_url=web_site.url)
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(site, shared_context):
    """A tab of its own, which means a conversation of its own; what a browser keeps for all tabs is removed."""
    page = shared_context.new_page()
    watch = Watch(page, site.url)
    page.goto("/")
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    watch.check()


@pytest.fixture(scope="module")
def still_page(web_site, browser):
    """One page for all tests of a module that only run scripts on it or ask it in turn."""
    context = browser.new_context(base_url=web_site.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch = Watch(page, web_site.url)
    page.goto("/")
    yield page
    context.close()
    watch.check()


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
