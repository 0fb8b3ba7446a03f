"""What a thread without a title of its own is called: the sentence of its question that says most."""

import re

from askmesh_bot.knowledge.threads.corrections import announces

_LONGEST_TITLE = 100
_SENTENCE = re.compile(r"(.+?[.?!])(?:\s|$)", re.S)
_GREETING = re.compile(
    r"^\s*(?:(?:hi|hello|hey|hiya|greetings|good (?:morning|evening|afternoon))\b(?: (?:all|everyone|folks|there|team))?"
    r"[.!?,:]*|@[\w.-]+[:,]?)\s*",
    re.I,
)
_CODE = re.compile(r"```.*?```|~~~.*?~~~", re.S)
_WORD = re.compile(r"\w+")
# Words of a question that say nothing of its subject, however long they are.
_EMPTY = frozenset(
    _WORD.findall(
        "about after again already also always another anybody anyone anything because been before being best can't could does "
        "doing don't done else ever everything from have help here idea ideas into just know like make maybe more most much need "
        "never nothing only other over please possible problem question really should some somebody someone something somewhere "
        "still than that their them then there these they thing this those through together using very want what when where "
        "which while will with without work works would wrong your"
    )
)
_POINTS_BACK = re.compile(r"\b(?:it|its|that|this|them|those|these|one)\b", re.I)
_TELLING_WORDS, _FIRST_SENTENCES = 2, 4


def title_of(question: str) -> str:
    """The sentence that asks, if it says what about; else the one of the first few that says most. Without a greeting."""
    text = " ".join(_CODE.sub(" ", question).split()) or "Thread"
    while (greeting := _GREETING.match(text)) and greeting.end() < len(text):
        text = text[greeting.end() :]
    found = [match[1] for match in _SENTENCE.finditer(text)] or [text]
    asking = [sentence for sentence in found if sentence.endswith("?") and _telling(sentence) >= _TELLING_WORDS]
    if announces(text):
        title = found[0]
    elif asking:
        title = asking[0]
    else:
        title = max(found[:_FIRST_SENTENCES], key=lambda sentence: _telling(sentence) + sentence.endswith("?"))
    if len(title) > _LONGEST_TITLE:
        title = title[:_LONGEST_TITLE].rsplit(" ", 1)[0] + "…"
    return title.strip()


def _telling(sentence: str) -> int:
    """How many words say what a sentence is about; one that points back says less."""
    words = {word for word in _WORD.findall(sentence.lower()) if len(word) > 3 and word not in _EMPTY}
    return len(words) - bool(_POINTS_BACK.search(sentence))
