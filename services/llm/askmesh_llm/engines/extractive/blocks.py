"""Cuts a passage into blocks: paragraphs, list and definition items, code, headings, tables, signatures.

Understands Markdown, reStructuredText and the docstring styles in use (Google, NumPy, Sphinx, plain).
"""

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from askmesh_llm.engines.extractive import tables
from askmesh_llm.engines.extractive.code import is_code

BlockKind = Literal["paragraph", "item", "code", "heading", "row", "signature"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a passage. `text` is unwrapped onto one line, except for code, which is verbatim and dedented."""

    kind: BlockKind
    text: str


_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_ATX = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
_UNDERLINE = re.compile(r"^([=\-~^\"'`#*+.:_])\1{2,}\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+\S")
_FIELD = re.compile(
    r"^\s*:(?:param|parameter|arg|argument|key|keyword|type|raises?|returns?|rtype|var|ivar|cvar)\b[^:]*:"
)
_DEFINITION = re.compile(
    r"^(?:\s{2,}|)\*{0,2}[A-Za-z_][\w.]*(?:,\s*\*{0,2}\w+)*(?:\s*\([^)]*\))?\s*(?::\s+\S|\s:$|\s--\s\S)"
)
_SIGNATURE = re.compile(r"^(?:[A-Za-z_][\w.]*\(.*\)(?:\s*->\s*.+)?|@[A-Za-z_][\w.]*(?:\(.*\))?|overload \(.*)$")
# What a site's builder reads and its readers never see: includes and snippets, and the borders of admonitions and tabs,
# whose title is a heading.
_MARKUP = re.compile(
    r"^\s*(?:\{[*%!].*[*%!]\}|-{1,2}8<-{1,2}.*|\{:.*\}|<!--.*|(?:/{3,}|:{3,}|!{3}|\?{3}\+?)\s*(?P<title>.*))\s*$"
)
_TITLE = re.compile(r"(?:\{?[\w-]+\}?)?\s*(?:\|\s*|\"(?=.*\"))?(.*?)\"?\s*$")
# A link is quoted by its words: its address is the site's, and the answer's own links are made by the bot.
_LINK = re.compile(r"!?\[([^\[\]]+)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)")
# Wider gaps say nothing more, and patterns would take long over them.
_WIDEST = 100
_WIDE = re.compile(rf"[^\S\n]{{{_WIDEST},}}")
_OPTION = re.compile(r"^\s+:[\w-]+:(?:\s|$)")
_DIRECTIVE = re.compile(r"^\s*\.\.\s+([\w:-]+)::\s*(.*)$")
_CODE_HINT = re.compile(r"[=({\[]\S|^\s*(?:import|from|def|class|return|with|for|if|\$|>)\s|\)$|;$", re.MULTILINE)
_CODE_DIRECTIVES = {"code", "code-block", "sourcecode", "literalinclude", "doctest", "testcode", "parsed-literal"}


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a passage, in order."""
    reader = _Lines(_WIDE.sub(" " * _WIDEST, text.expandtabs(4)).split("\n"))
    expects_code = False
    while reader.more():
        line = reader.peek()
        if not line.strip():
            reader.take()
            continue
        if (rows := _table(reader, line)) is not None:
            yield from (Block("row", _LINK.sub(r"\1", row)) for row in rows)
            continue
        block = _verbatim(reader, line, expects_code) or _structured(reader, line)
        if block is None:
            block = _paragraph(reader)
        expects_code = block.kind in ("paragraph", "item") and block.text.endswith(":")
        if block.text.strip():
            yield block if block.kind == "code" else replace(block, text=_LINK.sub(r"\1", block.text))


def _verbatim(reader: "_Lines", line: str, expects_code: bool) -> Block | None:
    """Fenced code, a doctest, a code directive's body, or the indented block that a colon announced."""
    if fence := _FENCE.match(line):
        reader.take()
        body = reader.take_until(lambda row: row.strip().startswith(fence[1]))
        if reader.more():
            reader.take()
        return Block("code", _dedent(body))
    if line.lstrip().startswith(">>> "):
        return Block("code", _dedent(reader.take_until(lambda row: not row.strip())))
    if (directive := _DIRECTIVE.match(line)) and directive[1] in _CODE_DIRECTIVES:
        reader.take()
        reader.skip_blank()
        return Block("code", _dedent(reader.take_indented(_indent(line) + 1)))
    if expects_code and _indent(line) >= reader.margin + 2 and not _ITEM.match(line) and not _DEFINITION.match(line):
        body = reader.peek_indented(_indent(line))
        if _CODE_HINT.search("\n".join(body)):
            return Block("code", _dedent(reader.take_indented(_indent(line))))
    return None


def _table(reader: "_Lines", line: str) -> list[str] | None:
    """What the rows of the table that begins here say; None where none does."""
    if tables.begins_simple(line):
        body = [reader.take()]
        body += reader.take_until(lambda row: not row.strip())
        return tables.simple_sentences(body)
    if tables.begins_loose(line, reader.following() or ""):
        return tables.sentences(reader.take_until(lambda row: "|" not in row))
    return tables.sentences(reader.take_until(lambda row: not tables.is_row(row))) if tables.is_row(line) else None


def _structured(reader: "_Lines", line: str) -> Block | None:
    """A heading, a table row, a list or definition item, a signature; None for running text."""
    if heading := _ATX.match(line):
        reader.take()
        return Block("heading", heading[1])
    if markup := _MARKUP.match(line):
        reader.take()
        title = _TITLE.match(markup["title"] or "")
        return Block("heading", title[1] if title else "")
    if _UNDERLINE.match(line):
        reader.take()
        return Block("heading", "")
    if (
        reader.following() is not None
        and not _MARKUP.match(reader.following() or "")
        and _UNDERLINE.match(reader.following() or "")
        and not _ITEM.match(line)
    ):
        reader.take()
        reader.take()
        return Block("heading", line.strip())
    if directive := _DIRECTIVE.match(line):
        reader.replace(directive[2] if directive[1] in ("note", "warning", "tip", "important", "caution") else "")
        while reader.more() and _OPTION.match(reader.peek()):
            reader.take()
        return Block("heading", "")
    if _ITEM.match(line) or _FIELD.match(line) or _DEFINITION.match(line):
        return _item(reader, line)
    if _SIGNATURE.match(line.strip()):
        reader.take()
        return Block("signature", line.strip())
    return None


def _item(reader: "_Lines", line: str) -> Block:
    """A list, field or definition item with its continuation lines, which are indented deeper."""
    reader.take()
    margin = _indent(line)
    rows = [line.strip()]
    while reader.more() and reader.peek().strip():
        row = reader.peek()
        if _indent(row) <= margin or _ITEM.match(row) or _FIELD.match(row) or row.lstrip().startswith(">>> "):
            break
        rows.append(reader.take().strip())
    return Block("item", " ".join(rows))


def _paragraph(reader: "_Lines") -> Block:
    first = reader.take()
    taken, rows = [first], [first.strip()]
    while reader.more() and (row := reader.peek()).strip():
        if rows[-1].endswith(":") and _indent(row) > _indent(first):
            break  # what the colon announced
        starts_other = _FENCE.match(row) or _ITEM.match(row) or _FIELD.match(row) or _ATX.match(row)
        if starts_other or tables.is_row(row) or _MARKUP.match(row) or row.lstrip().startswith(">>> "):
            break
        taken.append(row)
        rows.append(reader.take().strip())
    if is_code(taken):
        return Block("code", _dedent(taken))
    text = " ".join(rows)
    return Block("paragraph", re.sub(r"\s*::$", ":", text))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _dedent(rows: list[str]) -> str:
    return textwrap.dedent("\n".join(rows)).strip("\n")


class _Lines:
    """A cursor over lines."""

    def __init__(self, rows: list[str]) -> None:
        self._rows, self._at = rows, 0
        self.margin = min((_indent(row) for row in rows if row.strip()), default=0)

    def more(self) -> bool:
        return self._at < len(self._rows)

    def peek(self) -> str:
        return self._rows[self._at]

    def following(self) -> str | None:
        return self._rows[self._at + 1] if self._at + 1 < len(self._rows) else None

    def take(self) -> str:
        self._at += 1
        return self._rows[self._at - 1]

    def replace(self, row: str) -> None:
        """Put other text in the current line's place; an empty text removes the line."""
        self._rows[self._at] = row
        if not row:
            self._at += 1

    def take_until(self, stops: Callable[[str], object]) -> list[str]:
        taken = []
        while self.more() and not stops(self.peek()):
            taken.append(self.take())
        return taken

    def skip_blank(self) -> None:
        while self.more() and not self.peek().strip():
            self._at += 1

    def peek_indented(self, margin: int) -> list[str]:
        """The lines from here that are blank or indented by at least `margin`, without the trailing blank ones."""
        end = self._at
        while end < len(self._rows) and (not self._rows[end].strip() or _indent(self._rows[end]) >= margin):
            end += 1
        while end > self._at and not self._rows[end - 1].strip():
            end -= 1
        return self._rows[self._at : end]

    def take_indented(self, margin: int) -> list[str]:
        taken = self.peek_indented(margin)
        self._at += len(taken)
        return taken
