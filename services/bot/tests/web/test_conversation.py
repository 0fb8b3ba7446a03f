"""Stopping, clearing, reloading."""

import httpx2
from playwright.sync_api import expect

from .browser import ask, outcome
from .scripted import PASSAGES, Delta, Gate, Sources


def hanging():
    return [Sources(PASSAGES), Delta("So far [1] "), Gate()]


def test_stop_ends_the_answer_here_and_on_the_server(site, page):
    site.script("hang", hanging())
    site.assistant.cancelled.clear()
    ask(page, "hang")
    expect(page.locator(".answer-text")).to_contain_text("So far")
    page.get_by_role("button", name="Stop").click()
    expect(outcome(page, "stopped")).to_contain_text("Stopped")
    expect(page.locator(".answer-text")).to_contain_text("So far")
    assert site.assistant.cancelled.wait(60), "the server went on working for nobody"
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()


def test_escape_stops_and_asking_again_replaces_the_stopped_turn(site, page):
    site.script("hang then answer", hanging())
    ask(page, "hang then answer")
    expect(page.locator(".answer-text")).to_contain_text("So far")
    page.keyboard.press("Escape")
    expect(outcome(page, "stopped")).to_be_visible()
    site.script("hang then answer", [])
    page.get_by_role("button", name="Ask again").click()
    expect(outcome(page, "answered")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(1)


def test_clear_forgets_here_and_on_the_server(site, page):
    with page.expect_response("**/v1/ask"):
        ask(page, "forget me")
    expect(outcome(page, "answered")).to_be_visible()
    conversation = page.evaluate("JSON.parse(sessionStorage.getItem('askmesh.conversation')).id")
    address = f"{site.url}/v1/conversations/{conversation}"
    assert httpx2.get(address, timeout=60).status_code == 200
    with page.expect_response("**/v1/conversations/*") as cleared:
        page.get_by_role("button", name="Clear conversation").click()
    assert cleared.value.ok
    assert httpx2.get(address, timeout=60).status_code == 404
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    page.reload()
    expect(page.locator(".turn")).to_have_count(0)
    ask(page, "anew")
    expect(outcome(page, "answered")).to_be_visible()
    assert site.assistant.asked[-1].history == ()


def test_clear_while_an_answer_is_written_leaves_an_empty_page(site, page):
    site.script("hang and clear", hanging())
    ask(page, "hang and clear")
    expect(page.locator(".answer-text")).to_contain_text("So far")
    page.get_by_role("button", name="Clear conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    ask(page, "after clearing")
    expect(outcome(page, "answered")).to_be_visible()


def test_the_conversation_survives_a_reload(site, page):
    ask(page, "remember me")
    expect(outcome(page, "answered")).to_be_visible()
    page.get_by_role("button", name="Good answer").click()
    expect(page.locator(".reason textarea")).to_be_focused()
    before = page.locator(".answer-text").inner_text()
    page.reload()
    expect(page.locator("h2.question")).to_contain_text("remember me")
    assert page.locator(".answer-text").inner_text() == before
    expect(page.get_by_role("region", name="Sources").locator("li")).to_have_count(2)
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    page.locator(".cite").first.hover()
    expect(page.locator("#passage-card")).to_be_visible()
    ask(page, "and now?")
    expect(outcome(page, "answered")).to_have_count(2)
    assert [turn.question for turn in site.assistant.asked[-1].history] == ["remember me"]


def test_a_reload_in_the_middle_of_an_answer_offers_to_ask_again(site, page):
    site.script("interrupted", hanging())
    ask(page, "interrupted")
    expect(page.locator(".answer-text")).to_contain_text("So far")
    page.reload()
    expect(outcome(page, "stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()


def test_a_conversation_the_server_no_longer_knows_begins_anew(site, page):
    ask(page, "before the purge")
    expect(outcome(page, "answered")).to_be_visible()
    conversation = page.evaluate("JSON.parse(sessionStorage.getItem('askmesh.conversation')).id")
    httpx2.delete(f"{site.url}/v1/conversations/{conversation}", timeout=60).raise_for_status()
    ask(page, "after the purge")
    expect(outcome(page, "answered")).to_have_count(2)
    assert site.assistant.asked[-1].history == ()


def test_another_key_begins_a_conversation_of_its_own(site_with_key, open_page):
    page = open_page(
        base=site_with_key.url,
        init_script="sessionStorage.setItem('askmesh.key', sessionStorage.getItem('next') ?? 'sesame')",
    )
    ask(page, "with one key")
    expect(outcome(page, "answered")).to_be_visible()
    page.evaluate("sessionStorage.setItem('next', 'open')")
    page.reload()
    ask(page, "with another key")
    expect(outcome(page, "answered")).to_have_count(2)
    assert site_with_key.assistant.asked[-1].history == ()
    page.allow_console("404")


def test_damaged_storage_is_no_obstacle(open_page):
    page = open_page(init_script="sessionStorage.setItem('askmesh.conversation', '{broken')")
    ask(page, "still works")
    expect(outcome(page, "answered")).to_be_visible()
