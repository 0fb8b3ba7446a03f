"""Numbers as a text means them: with their sign, per cent, exponent and base."""

import re

_SIGN = r"(?:(?:(?<![\w.)\]%-])[-−]|\b(?:minus|negative)\s)(?=[\d.]))?"
_BODY = r"(?<![\w.])(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:[.,]\d[\d_]*)*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
_PERCENT = r"(?:\s?%|\s(?:percent|per\scent)\b)"
_FIGURE = re.compile(rf"({_SIGN})({_BODY})({_PERCENT})?", re.I)
# In `10 to 60 percent` the first number too is one of percent.
_RANGE = re.compile(rf"\s?(?:to|and|or|-|–|—)\s?(?={_SIGN}{_BODY}{_PERCENT})", re.I)


def figures(text: str) -> frozenset[str]:
    """Every number and version: `-7`, `7%`, `7e9` and `0x7` are four that are not `7`. No thousands separators."""
    found = set()
    for match in _FIGURE.finditer(text):
        sign, body, percent = match.groups()
        figure = re.sub(r",(?=\d{3}\b)", "", body.replace("_", "")).lower()
        percent = percent or _RANGE.match(text, match.end())
        found.add(f"{'-' if sign else ''}{'0' if figure[0] == '.' else ''}{figure}{'%' if percent else ''}")
    return frozenset(found)
