"""What Discord's client makes of a message: which links, pings, headings and open fences are live in it.

Written from the rules of Discord's Markdown (escape, code block, inline code, masked link, auto-link, bare link,
mention, heading), not from askmesh's code, which it judges.
"""

import re
from dataclasses import dataclass, field

_CODE_BLOCK = re.compile(r"```(?:[a-z0-9_+\-.#]+?\n)?\n*[^\n].*?\n*```", re.DOTALL | re.IGNORECASE)
_INLINE_CODE = re.compile(r"(`+)(.*?[^`])\1(?!`)", re.DOTALL)
_ESCAPE = re.compile(r"\\[^0-9A-Za-z\s]")
_MASKED = re.compile(
    r"\[((?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*)\]\(\s*<?((?:[^\s\\]|\\.)*?)>?(?:\s+['\"].*?['\"])?\s*\)", re.DOTALL
)
_AUTO = re.compile(r"<([^: >]+:/[^ >]+|mailto:[^ >]+|tel:[^ >]+|[^@\s>]+@[^\s>]+\.[^\s>]+)>")
_BARE = re.compile(r"(?:https?|steam|discord)://[^\s<]+[^<.,:;\"')\]\s]", re.IGNORECASE)
_INVITE = re.compile(r"(?:discord\.gg|discord(?:app)?\.com/invite)/\w+", re.IGNORECASE)
_PING = re.compile(r"@everyone|@here|<@[!&]?\d+>|<#\d+>|</[^>]+:\d+>|<id:\w+>|<t:-?\d+(?::\w)?>|<a?:\w+:\d+>")
_HEADING = re.compile(r"(?m)^[ \t]*(?:(?:>|[-*+]|\d+\.)[ \t]+)*(?:#{1,3}|-#)[ \t]+\S|^[ \t]*>>> ")


@dataclass
class Seen:
    links: list[str] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    prose: str = ""


def seen(content: str) -> Seen:
    """Reads `content` from left to right, as Discord's parser does: the first rule that matches takes the text."""
    found, rest, prose = Seen(), content, []
    while rest:
        rules = (_ESCAPE, _CODE_BLOCK, _INLINE_CODE, _MASKED, _AUTO, _BARE, _INVITE, _PING)
        rule, match = next(((rule, match) for rule in rules if (match := rule.match(rest))), (None, None))
        if match is None:
            prose.append(rest[0])
            rest = rest[1:]
            continue
        if rule is _MASKED:
            found.links.append(match[2])
        elif rule in (_AUTO, _BARE, _INVITE):
            found.links.append(match[0])
        elif rule is _PING:
            found.pings.append(match[0])
        # Code and escapes leave a placeholder: nothing in them is live, and they are no part of a heading's marker.
        prose.append("\ufffc")
        rest = rest[match.end() :]
    found.prose = "".join(prose)
    found.headings = _HEADING.findall(found.prose)
    return found


def fences_closed(content: str) -> bool:
    """Whether every code block of a message ends in it."""
    return len(re.findall(r"(?m)^```", content)) % 2 == 0 and content.count("```") % 2 == 0
