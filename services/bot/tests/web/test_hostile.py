"""What models and sources write is text, whatever it looks like."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

from .browser import ask, outcome
from .scripted import READ_TEXT, answered

EVIL = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "<svg/onload=window.pwned=1>",
    "[click me](javascript:window.pwned=1)",
    "[1](javascript:window.pwned=1)",
    "![pixel](https://evil.example/pixel.png)",
    "<https://evil.example/>",
    "[docs]: https://evil.example\n\nSee [docs].",
    "https://evil.example/plain",
    "`<b>code</b>` and **<i>bold</i>**",
    "```html\n<script>window.pwned = 1</script>\n```",
    "| <script>window.pwned = 1</script> | b |\n|---|---|\n| <img src=x onerror=window.pwned=1> | [x](javascript:1) |",
    "&lt;script&gt;window.pwned = 1&lt;/script&gt;",
    "</textarea></style></script><iframe src=//evil.example></iframe>",
    "> " * 500 + "deep",
    "* " * 300 + "deep",
    "**" * 2000 + "_" * 2000 + "`" * 1999,
    "[" * 3000 + "1" + "]" * 3000,
    "\u202egnp.exe\u0000 \ufffe",
]


@pytest.fixture
def fresh_page(still_page):
    """The module's page with its conversation cleared."""
    yield still_page
    still_page.get_by_role("button", name="Clear conversation").click()
    expect(still_page.locator(".turn")).to_have_count(0)


@pytest.mark.parametrize("evil", EVIL)
def test_hostile_answers_become_text(site, fresh_page, evil):
    site.script("evil answer", answered(evil))
    ask(fresh_page, "evil answer")
    expect(outcome(fresh_page, "answered")).to_be_visible()
    body = fresh_page.locator(".answer-text")
    assert body.locator("script, img, iframe, svg:not(figcaption svg), object, style, [onerror], [onload]").count() == 0
    assert {link.get_attribute("href") for link in body.locator("a").all()} <= {site.url + READ_TEXT.url}
    assert fresh_page.evaluate("window.pwned") is None


def test_the_words_of_a_hostile_answer_stay_readable(site, page):
    site.script("readable", answered("See [the docs](javascript:alert(1)) and <script>alert(2)</script>."))
    ask(page, "readable")
    expect(page.locator(".answer-text")).to_have_text(
        "See [the docs](javascript:alert(1)) and <script>alert(2)</script>."
    )


def test_hostile_passages_and_questions_become_text(site, page):
    evil = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"
    passage = replace(
        READ_TEXT, header=evil, title=evil, text=evil, source=evil, path=evil, document=evil, kind='x" onclick="y'
    )
    site.script(evil, answered(f"{evil} [1]", [passage], [1]))
    ask(page, evil)
    expect(outcome(page, "answered")).to_be_visible()
    page.locator(".cite").first.hover()
    expect(page.locator("#passage-card .card-text")).to_have_text(evil)
    expect(page.locator("h2.question")).to_contain_text(evil)
    page.get_by_role("button", name="Passage 1").press("Enter")
    expect(page.locator("p.passage")).to_have_text(evil)
    assert page.locator("main img, main script, #passage-card img").count() == 0
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize(
    "url",
    [
        "javascript:window.pwned=1",
        "data:text/html,<script>1</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:x",
        "jAvAsCrIpT:window.pwned=1",
        "java\nscript:window.pwned=1",
        "http://[bad",
    ],
)
def test_only_web_addresses_become_links(site, fresh_page, url):
    site.script("bad link", answered("Cited. [1]", [replace(READ_TEXT, url=url)], [1]))
    ask(fresh_page, "bad link")
    expect(outcome(fresh_page, "answered")).to_be_visible()
    mark = fresh_page.locator(".answer-text .cite")
    assert mark.evaluate("node => node.tagName") == "BUTTON"
    mark.click()
    expect(fresh_page.locator("#passage-card")).to_contain_text(READ_TEXT.text.splitlines()[0])
    assert fresh_page.locator("main a, #passage-card a").count() == 0
    assert fresh_page.evaluate("window.pwned") is None


def test_the_browser_itself_refuses_markup_from_strings(page):
    """Trusted Types: even a slip in our own scripts could not turn a string into markup."""
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return '' } catch (error) { return error.name } }"
    )
    assert refused == "TypeError"
    page.console_errors.clear()  # the browser reports the refusal
