"""Cuts a passage into the units that may be quoted. A unit is quoted whole, so it must stand on its own."""

import re
from dataclasses import dataclass
from typing import Literal

from askmesh_llm.engines.extractive.blocks import Block, blocks

UnitKind = Literal["sentence", "item", "code", "signature"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, list item, code example or signature. `lead` is the heading or phrase that introduces it."""

    kind: UnitKind
    text: str
    lead: str
    paragraph: int


# An item longer than this, in characters, is cut into its sentences.
LONGEST_ITEM = 320

_PROTECTED = re.compile(r"``.+?``|`[^`]+`|https?://\S+|\"[^\"\n]{1,80}\"(?=[\s,;)])|\([^()\n]{1,80}\)")
_BOUNDARY = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=\s)|[。！？]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|viz|approx|resp|incl|excl|fig|figs|eq|eqs|sec|no|nos|vol|ed|eds|pp?|ca|al|dr|mr|mrs|ms"
    r"|prof|st|jr|sr|inc|ltd|co|corp|dept|est|min|max|a\.k\.a|u\.s|u\.k)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_STARTS_SENTENCE = re.compile(r"[\"'“‘(\[*_]*(?:[^\Wa-z_]|[`:<]|\*|\w+[._]\w|\w+\()")
_LONGEST_ABBREVIATION = 12
_LOOK_AHEAD = 60
_MARKER = re.compile(r"^(?:[-*+•]|\d{1,3}[.)])\s+")


def units(text: str) -> list[Unit]:
    """The units of a passage, in reading order."""
    found: list[Unit] = []
    lead = ""
    for index, block in enumerate(blocks(text)):
        if block.kind == "heading":
            lead = block.text or lead
            continue
        found.extend(Unit(kind, part, lead, index) for kind, part in _parts(block))
        if block.kind == "paragraph" and block.text.endswith(":"):
            lead = found[-1].text if found else lead
        elif block.kind == "paragraph":
            lead = ""
    return found


def _parts(block: Block) -> list[tuple[UnitKind, str]]:
    if block.kind == "code":
        return [("code", block.text)]
    if block.kind == "signature":
        return [("signature", block.text)]
    if block.kind == "row":
        return [("item", block.text)]
    if block.kind == "item":
        text = _MARKER.sub("", block.text)
        return [("item", text)] if len(text) <= LONGEST_ITEM else [("item", part) for part in sentences(text)]
    return [("sentence", part) for part in sentences(block.text)]


def sentences(paragraph: str) -> list[str]:
    """The sentences of running text. Never cuts inside inline code, quotes, links, abbreviations or versions."""
    protected = iter([*(match.span() for match in _PROTECTED.finditer(paragraph)), (len(paragraph), len(paragraph))])
    left, right = next(protected)
    parts, start = [], 0
    for mark in _BOUNDARY.finditer(paragraph):
        end = mark.end()
        while right <= end and left < len(paragraph):
            left, right = next(protected)
        if left < end < right or not _ends(paragraph, mark):
            continue
        parts.append(paragraph[start:end].strip())
        start = end
    parts.append(paragraph[start:].strip())
    return [part for part in parts if any(char.isalnum() for char in part)]


def _ends(paragraph: str, mark: re.Match[str]) -> bool:
    """Whether a sentence ends at this mark. Looks only a little around it, so that long texts stay cheap."""
    end = mark.end()
    if _ABBREVIATION.search(paragraph[max(0, end - _LONGEST_ABBREVIATION) : end]):
        return False
    after = paragraph[end : end + _LOOK_AHEAD].lstrip()
    return not after or not mark[0].isascii() or bool(_STARTS_SENTENCE.match(after))
