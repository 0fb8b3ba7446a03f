"""Which turns of a thread a later one takes back: those are kept as context, and not to be quoted as an answer."""

import re
from collections.abc import Sequence

from askmesh_bot.knowledge.threads.base import Message

# How people begin when they take something back, their own or another's.
_TAKES_BACK = re.compile(
    r"^\W*(?:@?[\w.-]+[:,]\s+)?(?:"
    r"correction\b|corrected\b|scratch that|strike that|ignore (?:that|this|my|the above|what i)|disregard\b|"
    r"i was wrong|i stand corrected|my (?:mistake|bad)\b|sorry,? (?:that|i|my)\b[^.!?]{0,60}\b(?:wrong|mistaken|outdated)|"
    r"(?:no|nope|careful|wait|hmm|actually|heads up|update|edit)\b[^.!?]{0,80}\b(?:wrong|not (?:right|correct|true)|"
    r"incorrect|mistaken|outdated|out of date|no longer|any ?more|changed|since been|bad advice|doesn'?t work)|"
    r"that(?:'s| is| was| answer is)? (?:wrong|not (?:right|correct|true)|incorrect|outdated|out of date|no longer|bad advice|"
    r"obsolete|only (?:true|right))"
    r")",
    re.I,
)


def corrected(messages: Sequence[Message]) -> frozenset[str]:
    """Ids of the replies that a later turn takes back: the nearest earlier one by the same author, if the turn speaks
    of itself (“ignore my …”, “I was wrong”), else the nearest earlier reply by another than the asker."""
    found: set[str] = set()
    for index, message in enumerate(messages):
        if index < 2 or not _TAKES_BACK.match(message.text):
            continue
        earlier = [other for other in messages[1:index] if other.id not in found]
        own = [other for other in earlier if other.author == message.author]
        others = [other for other in earlier if other.author not in (message.author, messages[0].author)]
        target = own or others
        if target and not target[-1].accepted:
            found.add(target[-1].id)
    return frozenset(found)
