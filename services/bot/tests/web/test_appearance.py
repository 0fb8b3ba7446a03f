"""Both themes, small screens, and what assistive technology needs."""

import pytest
from playwright.sync_api import expect

from .browser import ask, outcome
from .scripted import abstained, failed, sources_only

# Every visible text's contrast against what is painted behind it (WCAG 2.2, 1.4.3), colours resolved on a canvas.
LOW_CONTRAST = """() => {
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], a: a / 255 };
  };
  const over = (top, under) => top.rgb.map((value, index) => value * top.a + under[index] * (1 - top.a));
  const backdrop = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.unshift(rgba(getComputedStyle(at).backgroundColor));
    return layers.reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest(".hidden, .skip, script, noscript")) continue;
    const under = backdrop(node);
    const text = over(rgba(getComputedStyle(node).color), under);
    const [light, dark] = [luminance(text), luminance(under)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${node.className || node.tagName}: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  return found;
}"""

# Controls without a name, fields without a label, images without an alternative, identifiers used twice.
NAMELESS = """() => {
  const name = (node) => node.getAttribute("aria-label") || node.labels?.[0]?.textContent.trim() || node.textContent.trim();
  const controls = [...document.querySelectorAll("button, a, input, textarea, summary, [role=region]")].filter((node) => !name(node));
  const images = [...document.querySelectorAll("svg")].filter((node) => node.getAttribute("aria-hidden") !== "true");
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  return [...controls, ...images].map((node) => node.outerHTML.slice(0, 80)).concat(ids.filter((id, index) => ids.indexOf(id) !== index));
}"""

SCRIPTS = {"plain": None, "abstain": abstained(), "fail": failed(), "bare": sources_only()}


def show_everything(site, page):
    """One turn of every kind, with the passage card, a passage and the reason box open."""
    for question, script in SCRIPTS.items():
        if script:
            site.script(question, script)
        ask(page, question)
        expect(page.locator(".answer[data-outcome]")).to_have_count(list(SCRIPTS).index(question) + 1)
    page.get_by_role("button", name="Passage 1").first.click()
    page.locator("details.sources summary").first.click()
    page.get_by_role("button", name="Bad answer").first.click()
    expect(page.locator(".reason textarea")).to_be_visible()
    page.locator(".cite").first.focus()
    expect(page.locator("#passage-card")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_and_every_control_has_a_name(site, open_page, scheme):
    page = open_page(color_scheme=scheme)
    assert page.evaluate(LOW_CONTRAST) == []
    show_everything(site, page)
    assert page.evaluate(LOW_CONTRAST) == []
    assert page.evaluate(NAMELESS) == []


def test_the_measure_of_contrast_sees_a_low_one(page):
    page.evaluate("document.querySelector('.lead').style.color = '#ccc'")
    assert len(page.evaluate(LOW_CONTRAST)) == 1


def test_nothing_is_cut_off_at_any_width(site, open_page):
    page = open_page(viewport={"width": 320, "height": 700})
    show_everything(site, page)
    for width in (320, 390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 700})
        page.locator("#question").focus()
        page.locator(".cite").first.focus()
        expect(page.locator("#passage-card")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for shown in ("#send", "#clear", "#theme", "#question", "#passage-card"):
            box = page.locator(shown).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_fingers_can_hit_the_controls(open_page):
    page = open_page(viewport={"width": 390, "height": 800})
    ask(page, "targets")
    expect(outcome(page, "answered")).to_be_visible()
    for control in page.locator("button:visible").all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 24, control.get_attribute("aria-label")


def test_the_theme_follows_the_system_until_it_is_chosen(open_page):
    page = open_page(color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    toggle = page.get_by_role("button", name="Dark mode")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.emulate_media(color_scheme="light")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    light = page.evaluate(paper)
    assert light != dark
    toggle.click()
    assert page.evaluate(paper) == dark
    page.reload()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(paper) == dark
    toggle.click()
    assert page.evaluate(paper) == light


def test_everything_is_reached_by_tab_and_the_focus_is_visible(page):
    ask(page, "tab through")
    expect(outcome(page, "answered")).to_be_visible()
    page.locator(".brand").focus()
    reached = []
    for _ in range(25):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const node = document.activeElement; const style = getComputedStyle(node);"
            " return [node.id || node.className, style.outlineStyle !== 'none' || node.matches('.composer *')] }"
        )
        reached.append(focused[0])
        assert focused[1], f"no visible focus on {focused[0]}"
        if focused[0] == "question":
            break
    assert {"clear", "theme", "cite", "source-name", "tool", "tool fold", "question"} <= set(reached)


def test_reduced_motion_is_respected(open_page, site):
    page = open_page(reduced_motion="reduce")
    ask(page, "calmly")
    moving = "() => document.getAnimations().length"
    expect(outcome(page, "answered")).to_be_visible()
    assert page.evaluate(moving) == 0


def test_the_way_to_the_newest_text_is_offered_when_it_is_out_of_sight(site, open_page):
    page = open_page(viewport={"width": 390, "height": 500})
    ask(page, "long")
    expect(outcome(page, "answered")).to_be_visible()
    latest = page.get_by_role("button", name="Go to the latest answer")
    latest.click()
    expect(latest).to_be_hidden()
    expect(page.locator(".toolbar")).to_be_in_viewport()
