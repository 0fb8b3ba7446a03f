"""A follow-up as a question that stands alone: what it leaves out is taken from what was asked before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askmesh_bot.answering.base import Turn
from askmesh_bot.answering.terms import STOPWORDS, content_terms, stem, words

_CARRIED_TERMS = 12
_OPENERS = re.compile(
    r"^\W*(?:and|but|or|so|then|also|what about|how about|what if|why|same (?:for|with)|instead|otherwise|ok(?:ay)?,?)\b",
    re.I,
)
_REFERENCES = re.compile(
    r"\b(?:it|its|itself|that|this|these|those|they|them|their|there|one|ones|he|she|his|her|"
    r"(?:the )?(?:same|former|latter|other|others|previous|above|first|second|last one)|else|instead)\b",
    re.I,
)
# `that`, `this` and `one` also stand in full questions; those name at least this many things of their own.
_SELF_CONTAINED_TERMS = 5


# "And copying?", "what about a folder?": nothing but the one thing that is different now. What comes after a preposition is
# added to the question, it replaces nothing.
_ELLIPSIS = re.compile(
    r"^\W*(?:and|or|but|then|ok(?:ay)?,?|what about|how about|what if)\b[\s,]*"
    r"(?:(?:what|how) about\s+|(?:to|a|an|the|how|i|we|do|would|can)\s+)*(?P<other>[\w.]+(?:\s+[\w.]+)?)"
    r"(?:\s+(?:it|one|them|that|this|then|instead|though|too))?\s*[?.!]*$",
    re.I,
)
# "How do I read them?": the same with a pronoun for the things.
_PRONOMINAL = re.compile(
    r"^\W*(?:(?:and|or|but|then|so)\b[\s,]*)?how (?:do|can|could|would|should) (?:i|we|you|one) (?P<other>[A-Za-z]+) "
    r"(?:it|them|one|ones|that|those|these)(?: (?:again|instead|then|too|myself|back))?\s*[?.!]*$",
    re.I,
)
_PREPOSITIONS = frozenset(
    {"for", "in", "on", "with", "without", "from", "of", "at", "by", "as", "if", "when", "why", "where"}
)
# What people do with what documentation is about; English has no other mark of a verb in "how do I move it".
_VERB_NAMES = (
    "add append apply ask attach await block build call cancel change check choose clear click clone close collect combine "
    "compare compile compress configure connect convert copy count create cut debug decode decompress define delete deploy "
    "disable disconnect display download draw drop dump edit enable encode encrypt exclude execute exit export extract fetch "
    "filter find fix flush format generate get give handle hide host import include increase insert install invite join keep "
    "kill launch learn leave limit list load lock log make match measure merge migrate mock monitor move mute open override pack "
    "parse pass patch pause pick pin plot post prevent print protect publish pull push put query raise read rebuild receive "
    "record reduce refresh register reject release reload remove rename render repeat replace reply report request reset resize "
    "resolve restart restore resume retry return revert rewrite rotate round run save scale schedule search select send serialize "
    "serve set share show shuffle shut skip sleep slice sort specify split start stop store stream subscribe submit swap switch "
    "sync tag test throw train translate turn undo uninstall unlock unpack unsubscribe update upgrade upload use validate verify "
    "wait walk watch wrap write zip"
)
_VERBS = frozenset(stem(verb) for verb in _VERB_NAMES.split())


@dataclass(frozen=True)
class Rewritten:
    """What to search for. `raw` is searched too: the rules may be wrong."""

    raw: str
    # Key terms of what the question follows; empty when it stands alone.
    carried: tuple[str, ...] = ()
    # The question it follows with what is different now in its place; empty where that can't be told.
    whole: str = ""

    @property
    def follow_up(self) -> bool:
        return bool(self.carried or self.whole)

    @property
    def standalone(self) -> str:
        return self.whole or " ".join([self.raw.rstrip(), *self.carried])


def rewrite(question: str, history: Sequence[Turn]) -> Rewritten:
    """The question with the key terms of the one it follows, if it follows one."""
    found, standalone = Rewritten(question), ""
    for text in (*(turn.question for turn in history), question):
        follows = bool(standalone) and is_follow_up(text)
        found = (
            Rewritten(text, _carried(text, standalone), _substituted(text, standalone)) if follows else Rewritten(text)
        )
        standalone = found.standalone
    return found


def _substituted(question: str, previous: str) -> str:
    """`And copying?` after `How do I move a file?`: how do I copy a file. Nothing where it names no other action."""
    ellipsis = _ELLIPSIS.match(question) or _PRONOMINAL.match(question)
    if not ellipsis:
        return ""
    named = ellipsis["other"].split()
    other = stem(named[0])
    if named[0].lower() in _PREPOSITIONS or other not in _VERBS or len(content_terms(ellipsis["other"])) > 1:
        return ""
    verbs = [match for match in re.finditer(r"[A-Za-z]+", previous) if stem(match[0]) in _VERBS]
    asked = [match for match in verbs if match[0].lower() not in STOPWORDS]
    if not asked or any(stem(match[0]) == other for match in asked):
        return ""
    return f"{previous[: asked[0].start()]}{_form(named[0], asked[0][0])}{previous[asked[0].end() :]}"


def _form(verb: str, replaced: str) -> str:
    """The verb as the question needs it: `copying` for `moving`, else as a plain word."""
    if verb.endswith("ing") and not replaced.endswith("ing"):
        return next((known for known in _VERB_NAMES.split() if stem(known) == stem(verb)), verb)
    return verb


def is_follow_up(question: str) -> bool:
    """Whether a question leaves out what it is about: it opens like a continuation, refers back, or names little."""
    terms = content_terms(question)
    if _OPENERS.search(question):
        return len(terms) < _SELF_CONTAINED_TERMS
    if _REFERENCES.search(question):
        return len(terms) < _SELF_CONTAINED_TERMS
    return len(terms) <= 1


def _carried(question: str, previous: str) -> tuple[str, ...]:
    carried: dict[str, str] = {}
    wanted = set(content_terms(previous)) - set(content_terms(question))
    for word in words(previous):
        if stem(word) in wanted:
            carried.setdefault(stem(word), word)
    return tuple(carried.values())[:_CARRIED_TERMS]
