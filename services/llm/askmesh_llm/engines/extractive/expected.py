"""What kind of thing a question asks for, and whether a sentence has one: a date, a number, a name."""

import re

_ASKS_WHEN = re.compile(r"\b(?:when|(?:what|which) (?:year|date|century|decade|time|month|day))\b", re.I)
_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|old|large|big|high|far|often)|what (?:number|percent\w*|amount|size)|which version)\b",
    re.I,
)
_ASKS_NAME = re.compile(
    r"\b(?:who|whom|whose|where|(?:what|which) (?:country|countries|city|cities|place|region|person))\b", re.I
)
_DATE = re.compile(
    r"\b\d{3,4}\b|\bcentur|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|third|quarter|hundred|thousand"
    r"|million|billion|percent)\b",
    re.I,
)
_NAME = re.compile(r"(?<=[a-z,;)] )[A-Z][a-z]+")


def has_expected(question: str, text: str) -> float:
    """1 where the text has the kind of thing that is asked for, -1 where it has not, 0 where the question asks for none.

    A name counts if the question does not name it itself; its lack says less than that of a number (-0.5).
    """
    if _ASKS_WHEN.search(question):
        return 1.0 if _DATE.search(text) else -1.0
    if _ASKS_NUMBER.search(question):
        return 1.0 if _NUMBER.search(text) else -1.0
    if _ASKS_NAME.search(question):
        known = question.lower()
        return 1.0 if any(name.lower() not in known for name in _NAME.findall(text)) else -0.5
    return 0.0
