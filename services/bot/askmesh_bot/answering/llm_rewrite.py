"""A follow-up rewritten by the language model: only its words are taken, and only those that were spoken of."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing

from askmesh_bot.answering.base import Turn
from askmesh_bot.answering.rewrite import Rewritten
from askmesh_bot.answering.terms import content_terms, stem, stems, words
from askmesh_bot.peers.errors import PeerError, PeerUnavailable
from askmesh_bot.peers.llm import LlmClient, Message

_SYSTEM = (
    "Rewrite the last question of a conversation so that it can be understood without the conversation. Keep its own words "
    "and names; add only what it leaves out. Do not answer it. Reply with the one question and nothing else."
)
_MOST_TOKENS, _MOST_CHARS = 80, 400
_REMEMBERED_CHARS = 300
_NEW_SHARE = 1 / 3
_LABEL = re.compile(r"^\W*(?:(?:rewritten|standalone|last)\s+)*(?:question|query)\s*:\s*", re.I)
_MARKERS = re.compile(r"\s*\[\d+\]")


async def rewritten_by(llm: LlmClient, rules: Rewritten, history: Sequence[Turn], timeout_s: float) -> Rewritten:
    """What the rules made of a follow-up, or the model's own question where that is plausible and in time."""
    try:
        async with asyncio.timeout(timeout_s):
            if not (await llm.model()).writes_freely:
                return rules
            text = await _asked(llm, messages(rules.raw, history))
    except (TimeoutError, PeerUnavailable, PeerError):
        return rules
    question = plausible(text, rules.raw, history)
    return Rewritten(rules.raw, whole=question) if question else rules


def messages(question: str, history: Sequence[Turn]) -> list[Message]:
    """The conversation in one message: nothing in it is taken for the model's own words."""
    turns = []
    for turn in history:
        turns.append(f"Question: {_shortened(turn.question)}")
        if turn.answer:
            turns.append(f"Answer: {_shortened(_MARKERS.sub('', turn.answer))}")
    told = "\n".join([*turns, f"Last question: {_shortened(question)}"])
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": told}]


def plausible(text: str, question: str, history: Sequence[Turn]) -> str:
    """The question in what the model wrote; nothing where it is none, or where it speaks of what nobody spoke of."""
    lines = [line for line in text.strip().split("\n") if line.strip()]
    found = _LABEL.sub("", lines[0]).strip().strip("\"'“”`").strip() if lines else ""
    terms = set(content_terms(found))
    # What was asked must still be asked.
    if not terms or len(found) > _MOST_CHARS or not set(content_terms(question)) <= terms:
        return ""
    spoken = stems(question).union(*(stems(f"{turn.question} {turn.answer}") for turn in history))
    new = {word for word in words(found) if stem(word) in terms - spoken}
    # A plain word more does no harm; a name, a number or another subject does.
    if len(new) > len(terms) * _NEW_SHARE or not all(word.isalpha() and word.islower() for word in new):
        return ""
    return found


async def _asked(llm: LlmClient, told: Sequence[Message]) -> str:
    text = ""
    async with aclosing(llm.stream(told, max_tokens=_MOST_TOKENS)) as stream:
        async for piece in stream:
            text += piece
            if len(text) > _MOST_CHARS or "\n" in text.strip():
                break
    return text


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _REMEMBERED_CHARS else text[:_REMEMBERED_CHARS].rsplit(" ", 1)[0] + " …"
