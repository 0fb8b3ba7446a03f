"""Failures say what to do, and can be tried again."""

import pytest
from playwright.sync_api import expect

from .browser import ask, outcome
from .scripted import Delta, answered, failed


def test_a_failure_says_what_to_do_and_is_tried_again(site, page):
    site.script("peer down", failed())
    ask(page, "peer down")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The vector database can't be reached.")
    expect(alert).to_contain_text("Start it again.")
    expect(alert).to_contain_text("vectordb_unavailable")
    site.script("peer down", answered())
    alert.get_by_role("button", name="Try again").click()
    expect(outcome(page, "answered")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(1)


def test_a_failure_that_trying_again_cannot_mend_offers_no_retry(site, page):
    site.script("misconfigured", failed(retryable=False))
    ask(page, "misconfigured")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_an_unreachable_server_is_told_as_such(page):
    page.route("**/v1/ask", lambda route: route.abort("connectionrefused"))
    ask(page, "anyone there?")
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    page.unroute("**/v1/ask")
    page.get_by_role("button", name="Try again").click()
    expect(outcome(page, "answered")).to_be_visible()
    page.allow_console("ERR_CONNECTION_REFUSED")


@pytest.mark.parametrize(
    "body",
    ["", 'event: delta\ndata: {"text": "half"}\n\n', 'event: delta\ndata: {"te', "event: delta\ndata: not json\n\n"],
)
def test_an_answer_that_breaks_off_is_not_taken_for_whole(page, body):
    page.route("**/v1/ask", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    ask(page, "cut")
    expect(page.get_by_role("alert")).to_contain_text("before the answer was complete")


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (
            429,
            {"code": "overloaded", "detail": "Too many questions at once.", "fix": "Wait a moment."},
            "Wait a moment.",
        ),
        (503, {"error": {"code": "unavailable", "message": "Embeddings are down."}}, "Embeddings are down."),
        (502, "<html>proxy error</html>", "status 502"),
    ],
)
def test_refusals_of_any_shape_are_shown(page, status, body, shown):
    is_json = isinstance(body, dict)
    page.route(
        "**/v1/ask",
        lambda route: (
            route.fulfill(status=status, json=body)
            if is_json
            else route.fulfill(status=status, body=body, content_type="text/html")
        ),
    )
    ask(page, "refused")
    expect(page.get_by_role("alert")).to_contain_text(shown)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.allow_console(str(status))


def test_a_plain_json_answer_is_understood_too(page):
    done = {"outcome": "answered", "answer": "Whole at once.", "citations": [], "passages": []}
    page.route("**/v1/ask", lambda route: route.fulfill(json=done))
    ask(page, "no stream")
    expect(page.locator(".answer-text")).to_have_text("Whole at once.")


def test_a_key_is_asked_for_kept_for_the_tab_and_forgotten(site_with_key, open_page):
    page = open_page(base=site_with_key.url)
    ask(page, "locked")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("An API key is needed")
    page.get_by_role("textbox", name="API key").fill("wrong")
    page.get_by_role("button", name="Use this key").click()
    expect(dialog).to_contain_text("not known")
    page.get_by_role("textbox", name="API key").fill("sesame")
    page.keyboard.press("Enter")
    expect(outcome(page, "answered")).to_be_visible()
    assert page.evaluate("Object.values(localStorage).join()") == ""
    page.reload()
    ask(page, "still unlocked")
    expect(outcome(page, "answered")).to_have_count(2)
    page.get_by_role("button", name="Forget key").click()
    ask(page, "locked again")
    expect(dialog).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("API key")
    page.allow_console("401")


def test_feedback_that_fails_says_so(page):
    ask(page, "rated in vain")
    page.route("**/v1/feedback", lambda route: route.fulfill(status=503, json={"detail": "The database is away."}))
    page.get_by_role("button", name="Good answer").click()
    expect(page.locator(".thanks")).to_contain_text("The database is away.")
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")
    page.allow_console("503")


def test_a_partial_answer_stays_when_the_rest_fails(site, page):
    site.script("half way", [Delta("This much is known. "), *failed()])
    ask(page, "half way")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator(".answer-text")).to_contain_text("This much is known.")
