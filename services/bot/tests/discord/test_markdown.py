"""Hostile text: nothing a model or a source writes is live in Discord."""

import pytest
from askmesh_bot.frontends.discord.markdown import link, plain, safe_markdown, web_address
from askmesh_bot.frontends.discord.splitting import messages
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .reading import fences_closed, seen

URL = "https://docs.example.org/a_(b)/c d?x=<y>#L1"
LINKS = {1: "https://docs.example.org/1", 2: "https://docs.example.org/2"}

HOSTILE = [
    "@everyone @here <@123456789012345678> <@!1> <@&2> <#3> </ask:4> <id:customize> <t:1700000000:R> <:x:5> <a:y:6>",
    "[click](https://evil.example) ![x](https://evil.example/i.png) [a]( <https://evil.example> 'title')",
    "https://evil.example/ HTTP://EVIL.EXAMPLE discord.gg/abc discord.com/invite/abc steam://run/1 discord://x",
    "<https://evil.example> <mailto:a@evil.example> <tel:+1> <a@evil.example>",
    "\\[a](https://evil.example) \\\\[a](https://evil.example) \\@everyone \\`@everyone\\`",
    "# Title\n## Title\n-# small\n>>> all of it\n- # in a list\n> # in a quote\n1. ## numbered\n  ### indented",
    "`code` ``a`b`` ` [a](https://evil.example) ` `unclosed [a](https://evil.example)",
    "```\ncode @everyone\n[a](https://evil.example)",
    "```py\nx = '```'\n``` [a](https://evil.example)\n@everyone\n```",
    "~~~\n```\n@everyone\n~~~\n[a](https://evil.example)",
    "````\n```\n````\n[a](https://evil.example)",
    "text ``` inline ``` [a](https://evil.example)",
    "[1](https://evil.example) [99](https://evil.example) [1](javascript:alert(1)) [[1]](https://evil.example)",
    "[1]\u200b(https://evil.example) @\u200beveryone @every\u200bone <@\u2060 1>",
    "||spoiler [a](https://evil.example)|| ~~[a](https://evil.example)~~ **[a](https://evil.example)**",
    "[a\n](https://evil.example) [a](\nhttps://evil.example)",
    "[" * 3000 + "](https://evil.example)",
    "a" * 1995 + " [a](https://evil.example) `x" + "`" * 30,
    "`" + "x " * 1500 + "[a](https://evil.example)`",
]


def check(content: str) -> None:
    found = seen(content)
    assert not found.pings
    assert not found.headings
    assert set(found.links) <= set(LINKS.values())
    assert fences_closed(content)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_neither_pings_nor_links_nor_shouts(text):
    for content in messages(safe_markdown(text, LINKS)):
        check(content)


_PARTS = st.sampled_from(
    [*"`~\\[]()<>@#*_|-1 \n", "```", "~~~", "@everyone", "https://e.vil/x", "[a](", "[1]", "<@1>", "# ", ">>> "]
)


@settings(max_examples=250, deadline=None)
@given(st.lists(_PARTS, max_size=60).map("".join))
@example("[a](https://e.vil/x```~)")
@example("[a](https://e.vil/x``https://e.vil/x`)")
def test_no_mixture_of_markup_is_live(text):
    for content in messages(safe_markdown(text, LINKS), 200):
        check(content)


@pytest.mark.parametrize("header", HOSTILE)
def test_a_title_is_harmless_text(header):
    found = seen(plain(header, 110))
    assert not found.pings
    assert not found.headings
    assert not found.links


def test_numbers_of_passages_become_links_and_others_do_not():
    text = safe_markdown("So it is [1][2], not [3].", LINKS)
    assert text == r"So it is [1](<https://docs.example.org/1>)[2](<https://docs.example.org/2>), not \[3\]."


def test_a_number_the_model_linked_itself_gets_our_address():
    assert safe_markdown("[1](https://evil.example)", LINKS) == "[1](<https://docs.example.org/1>)"


def test_ordinary_markdown_is_left_alone():
    text = "Use **both**:\n- `a_b` or `c`\n- *maybe* this\n\n```python\nx = __init__  # [1]\n```\n> quoted"
    assert safe_markdown(text, LINKS) == text


def test_names_with_underscores_are_shown_as_they_are():
    assert safe_markdown("call __init__ or a\\b", {}) == r"call \_\_init\_\_ or a\\b"


def test_headings_become_bold():
    assert safe_markdown("## Reading `files`", {}) == "**Reading `files`**"


def test_addresses_are_encoded_and_must_be_web_addresses():
    assert web_address(URL) == "https://docs.example.org/a_%28b%29/c%20d?x=%3Cy%3E#L1"
    assert [web_address(url) for url in ("javascript:alert(1)", "/read/x", "http://", "https://[", "")] == [None] * 5
    assert link("1", "javascript:alert(1)") == r"\[1\]"
