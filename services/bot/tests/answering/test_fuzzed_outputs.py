"""Whatever a model writes: no link but through a retrieved passage, no unknown [n], no broken fence, no markup."""

import asyncio
import re

from askmesh_bot.answering.citations import UNVERIFIED, Strictness
from bot_passages import TEXTS, drafted, passages
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

EVIL = st.sampled_from([
    "[x](http://evil.example)", "[1](http://evil.example/1)", "![i](https://evil.example/i.png)", "[1]: //evil.example\n",
    "<a href='//evil.example'>x</a>", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "<https://evil.example>",
    "www.evil.example", "http://evil.example/?q=1", "javascript:alert(1)", "[a][1]", "[a][b]\n\n[b]: http://evil.example\n",
    "@everyone", "@here", "<@123456789>", "<#42>", "<!channel>", "mail@evil.example", "\u200b@everyone", "\\`<b>\\`",
    "[[x](http://a.example)](http://b.example)", "[![x](a)](b)", "](", "]:", "[", "]", "(", ")", "<", ">", "!", "\\", "【1†x】",
    "```", "~~~", "````\n```\n", "```js\nfetch('http://evil.example')\n", "`", "``", "```<script>\n", "\n```", "\n", "\n\n",
    "[99]", "[0]", "[1,99]", "[1-40]", "[ 2 ]", "[12345678901234567890]", "[1][2][3]", "[1]", "[2]", "[3]", "\\[7]", "argv[5]",
    "| a | b |\n|---|---|\n", "# H\n", "- ", "> ", "1. ", "&lt;b&gt;", "\u202e", "<!--", "-->", "<?php", "]]>", "xhttp://evil.example",
    "1http://evil.example", "[x]\n(http://evil.example)", "[x] (http://evil.example)", "NOT_IN_SOURCE", "<a\nhref=x>y</a>",
])  # fmt: skip
TRUE = st.sampled_from(
    [text for _, text in TEXTS] + ["Open the file in text mode. ", "Open the file in text mode [1]. "]
)
OUTPUT = st.lists(st.one_of(TRUE, TRUE, EVIL, st.text(max_size=12), st.just(" ")), min_size=1, max_size=14).map("".join)


def tokens_of(markdown: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    return [inner for token in parser.parse(markdown) for inner in (token, *(token.children or []))]


@settings(max_examples=1000)
@given(OUTPUT, st.sampled_from(["drop", "mark"]), st.integers(1, 40))
@example("[1]: //evil.example\n\nOpen the file in text mode. [1]", "mark", 3)
def test_nothing_a_model_writes_gets_out_as_markup(output: str, unsupported: str, piece: int) -> None:
    strictness = Strictness(0.5, 0.55, unsupported)  # type: ignore[arg-type]
    draft = asyncio.run(drafted(output, strictness, piece))
    answer = draft.answer.replace(UNVERIFIED, "")
    tokens = tokens_of(answer)
    kinds = {token.type for token in tokens}
    assert not kinds & {"link_open", "image", "html_inline", "html_block"}, answer
    text = " ".join(token.content for token in tokens if token.type == "text")
    assert not re.search(r"://|www\.|@\w|<[a-zA-Z/!?@#]|javascript:", text, re.I), answer
    cited = {citation.passage.number for citation in draft.citations}
    assert {int(number) for number in re.findall(r"\[\s*(\d+)\s*\]", text)} <= cited <= {1, 2, 3}, answer
    # Every number stands for a passage that was retrieved, each for another one, counted as they are first used.
    assert [citation.passage.number for citation in draft.citations] == list(range(1, len(draft.citations) + 1))
    retrieved = {passage.id: passage.url for passage in passages()}
    assert all(retrieved.get(citation.passage.id) == citation.passage.url for citation in draft.citations)
    assert len({citation.passage.id for citation in draft.citations}) == len(draft.citations)
    assert_fences_closed(answer)


def assert_fences_closed(answer: str) -> None:
    """A line of text after the answer is a paragraph of its own, so no block was left open."""
    last = tokens_of(f"{answer}\n\nafterwards")
    assert last[-2].content == "afterwards" or last[-1].content == "afterwards" or "afterwards" in [
        token.content for token in last if token.type == "inline"
    ], answer  # fmt: skip
