"""An answer as a plain HTML page, for browsers without JavaScript. Everything a model or a source wrote is escaped."""

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from askmesh_bot.answering.base import Done, Failed, Passage
from askmesh_bot.frontends.web.assets import template

_MARK = re.compile(r"\[(\d{1,3})\]")

_NOTICES = {
    "abstained": ("Not in the sources", "Nothing that was learned answers this."),
    "sources_only": (
        "The sources, without a written answer",
        "The language model can't be reached. These are the best sentences of the sources themselves.",
    ),
}


def answer_page(question: str, outcome: Done | Failed) -> str:
    """The whole page for a question that was answered, abstained from, or failed."""
    done = outcome if isinstance(outcome, Done) else Done("answered", "")
    passages = _unique([citation.passage for citation in done.citations] or done.passages)
    unanswered = done.outcome == "abstained"
    title = "Nearest sources" if unanswered else "Sources"
    return template("answer.html").substitute(
        title=escape(f"{question[:60]} – askmesh"),
        question=escape(question),
        notice=_notice(outcome),
        # An abstention stands in its box alone: nothing below it may be taken for an answer.
        answer="" if unanswered else _markdown(done.answer, {passage.number for passage in passages}),
        sources=_sources(title, passages) if passages else "",
    )


def message_page(question: str, detail: str, fix: str) -> str:
    """The page for a question that is not asked at all."""
    return answer_page(question, Failed("refused", detail, fix))


def _notice(outcome: Done | Failed) -> str:
    if isinstance(outcome, Failed):
        return _box("failed", "No answer this time", outcome.detail, outcome.fix)
    if outcome.outcome == "answered":
        return ""
    title, text = _NOTICES[outcome.outcome]
    said = outcome.answer if outcome.outcome == "abstained" else outcome.reason
    return _box(outcome.outcome, title, said or text)


def _box(kind: str, title: str, *lines: str) -> str:
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return (
        f'<div class="notice {kind}"><div class="notice-body">'
        f'<p class="notice-title">{escape(title)}</p>{paragraphs}</div></div>'
    )


def _markdown(text: str, cited: set[int]) -> str:
    """Markdown without links, images and HTML; [n] leads to the source of that number below."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.disable(["link", "image", "autolink", "html_inline", "html_block", "reference"])

    def marked(_: RendererHTML, tokens: list[Token], index: int, *__: object) -> str:
        return _MARK.sub(
            lambda mark: (
                f'<a class="cite" href="#source-{mark[1]}">{mark[1]}</a>' if int(mark[1]) in cited else mark[0]
            ),
            escape(tokens[index].content),
        )

    parser.add_render_rule("text", marked)
    rendered: str = parser.render(text)
    return rendered


def _sources(title: str, passages: Iterable[Passage]) -> str:
    items = "".join(_source(passage) for passage in passages)
    return f'<section class="sources"><h3>{title}</h3><ol class="sources-list">{items}</ol></section>'


def _source(passage: Passage) -> str:
    name = escape(passage.header or passage.title)
    if _is_web_address(passage.url):
        name = f'<a class="source-name" href="{escape(passage.url)}" rel="noopener noreferrer">{name}</a>'
    lines = f" · lines {passage.line_start}–{passage.line_end}" if passage.line_start else ""
    where = escape(f"{passage.path or passage.document}{lines}")
    return (
        f'<li class="source" id="source-{passage.number}"><span class="source-number">{passage.number}</span>'
        f'<div class="source-body">{name}<span class="source-where">{where}</span>'
        f'<p class="passage" data-kind="{escape(passage.kind)}">{escape(passage.text)}</p></div></li>'
    )


def _is_web_address(url: str) -> bool:
    """http and https, and the bot's own paths; `//host` is neither."""
    return urlsplit(url).scheme in ("http", "https") or (url.startswith("/") and not url.startswith(("//", "/\\")))


def _unique(passages: Iterable[Passage]) -> list[Passage]:
    return list({passage.number: passage for passage in passages}.values())
