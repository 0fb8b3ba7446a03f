"""The page without JavaScript: a form, and an answer as a plain page."""

from dataclasses import replace

import httpx2
from playwright.sync_api import expect

from .scripted import READ_TEXT, abstained, answered, failed


def test_a_question_is_answered_by_the_form_alone(site, open_page):
    page = open_page(java_script_enabled=False)
    page.get_by_label("Your question").fill("by form")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("by form")
    expect(page.locator(".answer-text pre")).to_contain_text("from pathlib import Path")
    expect(page.locator(".sources li")).to_have_count(2)
    expect(page.locator(".source-name").nth(1)).to_have_attribute("href", "https://docs.example.org/pathlib#open")
    page.locator(".answer-text a.cite").first.click()
    assert page.url.endswith("#source-1")
    assert site.assistant.asked[-1].text == "by form"


def test_a_deep_link_is_answered_too(open_page):
    page = open_page(path="/?q=linked%20plainly", java_script_enabled=False)
    expect(page.get_by_role("heading", level=1)).to_have_text("linked plainly")
    expect(page.locator(".sources li")).to_have_count(2)


def test_hostile_text_stays_text(site, open_page):
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://evil.example/x.png) <http://evil.example>"
    passage = replace(READ_TEXT, header=evil, text=evil, url="javascript:alert(1)", kind='"><b>')
    site.script(evil, answered(f"{evil} [1] [7]", [passage], [1]))
    page = open_page(path="/", java_script_enabled=False)
    page.goto(str(httpx2.URL(site.url + "/ask", params={"q": evil})))
    expect(page.locator(".answer-text")).to_have_text(f"{evil} 1 [7]")
    expect(page.locator(".passage")).to_have_text(evil)
    assert page.locator("main a:not([href='#source-1'])").count() == 0
    assert page.locator("main img, main script, main b").count() == 0


def test_abstentions_and_failures_are_told(site):
    site.script("unknown here", abstained())
    page = httpx2.get(site.url + "/ask", params={"q": "unknown here"}, timeout=60)
    assert page.status_code == 200
    assert "Not in the sources" in page.text
    assert "Nearest sources" in page.text
    assert page.headers["cache-control"] == "no-store"

    site.script("down here", failed())
    page = httpx2.get(site.url + "/ask", params={"q": "down here"}, timeout=60)
    assert page.status_code == 503
    assert "Start it again." in page.text


def test_questions_that_are_not_asked(site, site_with_key):
    before = len(site.assistant.asked)
    assert httpx2.get(site.url + "/ask", params={"q": "  "}, timeout=60).status_code == 400
    embedded = httpx2.get(site.url + "/ask", params={"q": "x"}, headers={"Sec-Fetch-Dest": "image"}, timeout=60)
    assert embedded.status_code == 403
    locked = httpx2.get(site_with_key.url + "/ask", params={"q": "x"}, timeout=60)
    assert locked.status_code == 401
    assert "API key" in locked.text
    assert len(site.assistant.asked) == before
