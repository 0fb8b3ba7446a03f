"""Which turns of a thread are no answers: what a later one takes back, and short words of whoever asked.

They are kept as context. The rules are words: a turn that contradicts without saying so is not noticed.
"""

import re
from collections.abc import Sequence

from askmesh_bot.knowledge.threads.base import Message

_WRONG = (
    r"(?:wrong|incorrect|mistaken|outdated|obsolete|out of date|(?:bad|dangerous) advice|not (?:right|correct|true)|"
    r"no longer|(?:not|isn'?t|aren'?t) \w* ?any ?more)"
)
# How people begin when they take something back, their own or another's.
_TAKES_BACK = re.compile(
    r"^\W*(?:@?[\w.-]+[:,]\s+)?(?:"
    r"correction\b|corrected\b|scratch that|strike that|disregard\b|ignore (?:that|this|my|the above|what i)|"
    r"i was wrong|i stand corrected|my (?:mistake|bad)\b|not any ?more\b|(?:please )?(?:don'?t do (?:that|this)|don'?t[:!,.])|"
    r"(?:update|edit)\b[^.!?\n]{0,60}\b(?:changed|since|no longer|any ?more)"
    r")",
    re.I,
)
# Or what they say of it at once: “careful, that is no longer true”.
_SAYS_SO = re.compile(
    rf"^[^\n]{{0,80}}?\b(?:that|this|it|these|those|the (?:\w+ )?(?:answer|above|advice))\b(?:'?s| is| was| are| were)?"
    rf"[^.!?\n]{{0,30}}?\b{_WRONG}\b",
    re.I,
)
# How a thread begins that tells something and asks nothing.
_ANNOUNCES = re.compile(r"^\W*(?:fyi|psa|heads[ -]?up|tip|note|announcement|announcing|how-?to|guide|reminder)\b", re.I)
_CODE = re.compile(r"`|^ {4,}\S", re.M)
_WORD = re.compile(r"\w+")
# Whoever asked and then says no more than this without code mostly tells whether it worked.
_ASKERS_WORDS = 20


def corrected(messages: Sequence[Message]) -> frozenset[str]:
    """Ids of the replies that a later turn takes back: the nearest earlier one by the same author if there is one, else
    by another than the asker. Who asked takes back only what they said themselves, and nobody what was accepted."""
    found: set[str] = set()
    asker = messages[0].author if messages else ""
    for index, message in enumerate(messages):
        if index < 2 or not takes_back(message.text):
            continue
        earlier = [other for other in messages[1:index] if other.id not in found]
        own = [other for other in earlier if other.author == message.author]
        others = [other for other in earlier if other.author not in (message.author, asker)]
        target = own or ([] if message.author == asker else others)
        if target and not target[-1].accepted:
            found.add(target[-1].id)
    return frozenset(found)


def takes_back(text: str) -> bool:
    """Whether a turn begins by taking an earlier one back."""
    return bool(_TAKES_BACK.match(text) or _SAYS_SO.match(text))


def announces(text: str) -> bool:
    """Whether a thread's first turn tells something rather than asks."""
    return bool(_ANNOUNCES.match(text))


def askers_words(messages: Sequence[Message]) -> frozenset[str]:
    """Ids of short turns of whoever asked, after somebody replied."""
    asker = messages[0].author if messages and not announces(messages[0].text) else None
    first = next((index for index, message in enumerate(messages) if message.author != asker), len(messages))
    return frozenset(
        message.id
        for message in messages[first:]
        if message.author == asker and not message.accepted and _says_little(message.text)
    )


def _says_little(text: str) -> bool:
    return not _CODE.search(text) and len(_WORD.findall(text)) < _ASKERS_WORDS
