"""Words that nothing found holds, but for a letter or two: what the question probably means."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.terms import STOPWORDS, code_spans, identifiers, stem, stems

_WORD = re.compile(r"(?<![\w.`/'’-])[A-Za-z]{5,24}(?![\w`/'’]|\.\w)")
# Up to this length one slip is looked for, and up to that one only letters that changed places: short words have too many
# neighbours that are words of their own.
_SHORT, _SHORTEST = 7, 5
# With more words than this that nothing found holds, the question is about something else.
_MOST_UNKNOWN, _MOST_WORDS = 3, 2
_SYMBOL = re.compile(r"[A-Za-z_][\w.]*(?=\(|$)")
_NUMBERS = frozenset({"three", "seven", "eight"})


def corrections(question: str, passages: Sequence[Passage]) -> dict[str, str]:
    """Words of the question that no passage holds, each with the word of the passages that it is a misspelling of.

    Code is left alone: a name that does not exist is something else than a slip. Nothing where much is unknown: then it is
    about something else.
    """
    held = frozenset().union(*(stems(passage.header) | stems(passage.text) for passage in passages))
    plain = question
    for code in (*code_spans(question), *identifiers(question)):
        plain = plain.replace(code, " ")
    asked = [
        word for word in _WORD.findall(plain) if word.lower() not in STOPWORDS | _NUMBERS and stem(word) not in held
    ]
    if not asked or len(asked) > _MOST_UNKNOWN:
        return {}
    known = _vocabulary(passages)
    meant = {word: better for word in asked if (better := _nearest(word.lower(), known))}
    return meant if len(meant) <= _MOST_WORDS else {}


def corrected(question: str, meant: Mapping[str, str]) -> str:
    """The question with its words put right."""
    for word, better in meant.items():
        question = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", better, question)
    return question


def told(meant: Mapping[str, str]) -> str:
    """What was put right, as a sentence."""
    return "I read " + " and ".join(f"“{word}” as “{better}”" for word, better in meant.items()) + "."


def similar(name: str, passages: Sequence[Passage]) -> str:
    """The documented object whose name is a slip away from a name that does not exist; nothing where none is."""
    symbols = {symbol[0] for passage in passages if (symbol := _SYMBOL.match(passage.header))}
    last = name.lower().rpartition(".")[2]
    by_last = {symbol.rpartition(".")[2].lower(): symbol for symbol in sorted(symbols, reverse=True)}
    most = 1 if len(last) <= _SHORT else 2
    near = [
        (slips, key)
        for key in by_last
        if abs(len(key) - len(last)) <= most and (slips := _slips(last, key, most)) <= most
    ]
    return by_last[min(near)[1]] if near else ""


def _vocabulary(passages: Sequence[Passage]) -> Counter[str]:
    """The words of the passages, each counted once per passage."""
    return Counter(
        word
        for passage in passages
        for word in {word.lower() for word in re.findall(r"[A-Za-z]{3,26}", f"{passage.header} {passage.text}")}
    )


def _nearest(word: str, known: Mapping[str, int]) -> str:
    """The known word that is the fewest slips away, the commonest of those; nothing where none is near."""
    most = 1 if len(word) <= _SHORT else 2
    best, least = "", (most + 1, 0)
    for other, count in known.items():
        if abs(len(other) - len(word)) > most or not (_same_ends(word, other) and _same_ends(word[::-1], other[::-1])):
            continue
        if len(word) <= _SHORTEST and not _same_letters(word, other):
            continue
        rank = (_slips(word, other, most), -count)
        if rank < least:
            best, least = other, rank
    return best if least[0] <= most else ""


def _same_ends(one: str, other: str) -> bool:
    """Whether the first letters agree, or are two that changed places: people rarely miss the first or the last one, and
    another ending makes another word."""
    return one[0] == other[0] or one[:2] == other[1::-1]


def _same_letters(one: str, other: str) -> bool:
    """Whether only their order differs, or British spelling from American."""
    return sorted(one) == sorted(other) or one.replace("our", "or") == other.replace("our", "or")


def _slips(one: str, other: str, most: int) -> int:
    """How many letters to add, drop, change or swap with the next (optimal string alignment); more than `most` is not
    counted on."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        older, before, row = before, row, [i]
        for j, against in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
