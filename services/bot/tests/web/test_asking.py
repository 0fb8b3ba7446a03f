"""Asking in the browser: streaming, citations, the ways to ask, what can be done with an answer."""

import re
from dataclasses import replace

from bot_mesh import until
from playwright.sync_api import expect

from .browser import ask, outcome
from .scripted import ANSWER, OPEN, READ_TEXT, Delta, Done, Gate, Sources, Status, abstained, answered, sources_only


def test_an_answer_appears_while_it_is_written(site, page):
    gate, rest = Gate(), Gate()
    site.script(
        "slowly",
        [
            Status("searching", "Searching 3 sources…"),
            gate,
            Delta("The first "),
            rest,
            Delta("and the last."),
            Done("answered", "The first and the last."),
        ],
    )
    ask(page, "slowly")
    expect(page.locator(".progress")).to_contain_text("Searching 3 sources…")
    expect(page.locator("#live")).to_have_text("Searching 3 sources…")
    gate.opened.set()
    expect(page.locator(".answer-text")).to_have_text("The first")
    expect(page.locator("#stop")).to_be_visible()
    rest.opened.set()
    expect(outcome(page, "answered")).to_be_visible()
    expect(page.locator(".answer-text")).to_have_text("The first and the last.")
    expect(page.locator(".progress")).to_have_count(0)
    expect(page.locator("#live")).to_contain_text("The first and the last.")


def test_markdown_is_shown_as_what_it_means(page):
    ask(page, "markdown")
    expect(page.locator(".answer-text p strong code")).to_have_text("Path.read_text()")
    expect(page.locator(".answer-text pre code")).to_have_text(
        'from pathlib import Path\n\ntext = Path("notes.txt").read_text(encoding="utf-8")'
    )
    expect(page.locator(".answer-text li")).to_have_count(2)


def test_citations_open_the_exact_place_in_a_new_tab(site, page):
    ask(page, "cited")
    expect(outcome(page, "answered")).to_be_visible()
    marks = page.locator(".answer-text a.cite")
    expect(marks).to_have_text(["1", "1", "2"])
    expect(marks.nth(0)).to_have_attribute("href", re.compile(re.escape(READ_TEXT.url) + "$"))
    expect(marks.nth(2)).to_have_attribute("href", OPEN.url)
    for mark in marks.all():
        expect(mark).to_have_attribute("target", "_blank")
        expect(mark).to_have_attribute("rel", re.compile("noopener"))
    with page.context.expect_page() as opened:
        marks.first.click()
    expect(opened.value).to_have_url(site.url + READ_TEXT.url)
    assert opened.value.evaluate("window.opener") is None


def test_the_cited_passage_is_shown_on_hover_and_goes_away(page):
    ask(page, "hover")
    card = page.locator("#passage-card")
    page.locator(".cite").nth(2).hover()
    expect(card).to_contain_text(OPEN.text)
    expect(card).to_contain_text("pathlib.py · lines 1031–1040")
    card.hover()
    expect(card.get_by_role("link", name="Open the source")).to_have_attribute("href", OPEN.url)
    page.locator("h2.question").hover()
    expect(card).to_be_hidden()


def test_the_cited_passage_is_shown_to_the_keyboard(page):
    ask(page, "focus")
    expect(outcome(page, "answered")).to_be_visible()
    page.locator(".cite").first.focus()
    card = page.locator("#passage-card")
    expect(card).to_contain_text(READ_TEXT.text.splitlines()[0])
    expect(page.locator(".cite").first).to_have_attribute("aria-describedby", "passage-card")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_a_long_passage_scrolls_between_its_name_and_its_link(site, page):
    passage = replace(READ_TEXT, header="name " * 100, text="A long line of the passage.\n" * 200)
    site.script("long passage", answered("Cited. [1]", [passage], [1]))
    ask(page, "long passage")
    page.locator(".cite").hover()
    card = page.locator("#passage-card")
    expect(card.get_by_role("link", name="Open the source")).to_be_in_viewport(ratio=1)
    assert card.evaluate("node => node.scrollHeight <= node.clientHeight")
    assert card.locator(".card-text").evaluate("node => node.scrollHeight > node.clientHeight")


def test_a_finger_reads_the_passage_before_it_follows_the_link(open_page):
    page = open_page(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    ask(page, "touch")
    expect(outcome(page, "answered")).to_be_visible()
    page.locator(".cite").first.tap()
    card = page.locator("#passage-card")
    expect(card).to_contain_text(READ_TEXT.header)
    assert len(page.context.pages) == 1
    page.locator("h2.question").tap()
    expect(card).to_be_hidden()


def test_the_sources_are_listed_with_their_passages(page):
    ask(page, "sources")
    cited = page.get_by_role("region", name="Sources")
    expect(cited.locator("li")).to_have_count(2)
    expect(cited.get_by_role("link").first).to_have_attribute("rel", re.compile("noopener"))
    expect(page.locator("details.sources summary")).to_have_text("Also read: 1 passage")
    passage = cited.locator(".passage").first
    expect(passage).to_be_hidden()
    cited.get_by_role("button", name="Passage 1").press("Enter")
    expect(passage).to_have_text(READ_TEXT.text)
    expect(cited.get_by_role("button", name="Passage 1")).to_have_attribute("aria-expanded", "true")


def test_an_abstention_is_told_apart_and_offers_the_nearest_sources(site, page):
    site.script("What is the boiling point of tungsten?", abstained())
    ask(page, "What is the boiling point of tungsten?")
    expect(outcome(page, "abstained")).to_be_visible()
    expect(page.locator(".notice.abstained")).to_contain_text("Not in the sources")
    expect(page.locator(".notice.abstained")).to_contain_text("no passage is close")
    expect(page.locator(".answer-text")).to_be_empty()
    expect(page.get_by_role("region", name="Nearest sources").locator("li")).to_have_count(3)


def test_sources_without_a_model_are_told_apart(site, page):
    site.script("model down", sources_only())
    ask(page, "model down")
    expect(page.locator(".notice.sources_only")).to_contain_text("can't be reached. Start it.")
    expect(page.get_by_role("region", name="Sources").locator("li")).to_have_count(1)


def test_enter_asks_and_shift_enter_breaks_the_line(site, page):
    box = page.get_by_label("Your question")
    box.fill("first line")
    box.press("Shift+Enter")
    box.press_sequentially("second line")
    box.press("Enter")
    expect(outcome(page, "answered")).to_be_visible()
    assert site.assistant.asked[-1].text == "first line\nsecond line"
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    box.press("ArrowUp")
    expect(box).to_have_value("first line\nsecond line")


def test_nothing_is_asked_from_an_empty_box(site, page):
    before = len(site.assistant.asked)
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    page.get_by_label("Your question").press("Enter")
    page.get_by_label("Your question").fill("   ")
    page.get_by_label("Your question").press("Enter")
    expect(page.locator(".turn")).to_have_count(0)
    assert len(site.assistant.asked) == before


def test_a_deep_link_asks_at_once_and_only_once(site, open_page):
    page = open_page(path="/?q=linked%20%26%20sealed")
    expect(outcome(page, "answered")).to_be_visible()
    expect(page.locator("h2.question")).to_contain_text("linked & sealed")
    page.reload()
    expect(outcome(page, "answered")).to_be_visible()
    assert [question.text for question in site.assistant.asked].count("linked & sealed") == 1


def test_the_conversation_goes_on(site, page):
    ask(page, "And first?")
    expect(outcome(page, "answered")).to_be_visible()
    ask(page, "And then?")
    expect(page.locator(".turn")).to_have_count(2)
    expect(outcome(page, "answered")).to_have_count(2)
    assert [turn.question for turn in site.assistant.asked[-1].history] == ["And first?"]


def test_an_answer_is_copied_with_its_links(site, open_page):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, "copy me")
    page.get_by_role("button", name="Copy the answer with its links").click()
    expect(page.locator("#live")).to_have_text("Copied")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("**copy me**\n\nCall **`Path.read_text()`**")
    assert f"instead. [\\[2\\]](<{OPEN.url}>)" in text
    assert 'Path("notes.txt")' in text
    assert f"1. [pathlib.Path.read\\_text(encoding=None, errors=None)](<{site.url}{READ_TEXT.url}>)" in text

    page.get_by_role("button", name="Copy code").click()
    until(lambda: page.evaluate("navigator.clipboard.readText()").startswith("from pathlib import Path\n"))


def test_feedback_is_sent_with_its_reason(page):
    ask(page, "rate me")
    down = page.get_by_role("button", name="Bad answer")
    with page.expect_response("**/v1/feedback") as verdict:
        down.click()
    assert verdict.value.ok
    assert verdict.value.request.post_data_json["verdict"] == "down"
    expect(down).to_have_attribute("aria-pressed", "true")
    reason = page.get_by_label(re.compile("What was wrong"))
    expect(reason).to_be_focused()
    reason.fill("The second source is outdated.")
    with page.expect_response("**/v1/feedback") as sent:
        page.get_by_role("button", name="Send", exact=True).click()
    assert sent.value.ok
    assert sent.value.request.post_data_json["reason"] == "The second source is outdated."
    expect(page.locator(".thanks")).to_have_text("Thank you. It was noted.")


def test_asking_again_brings_a_second_answer(site, page):
    site.script("again", answered(ANSWER))
    ask(page, "again")
    page.get_by_role("button", name="Ask again").click()
    expect(outcome(page, "answered")).to_have_count(2)


def test_citation_marks_appear_even_if_the_passages_come_late(site, page):
    site.script(
        "late", [Delta("Said early. [1]"), Sources((READ_TEXT,)), Done("answered", "Said early. [1]", (), (READ_TEXT,))]
    )
    ask(page, "late")
    expect(page.locator(".answer-text a.cite")).to_have_text(["1"])
