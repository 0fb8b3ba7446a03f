"""What is no question: greetings, thanks and the like get a fixed reply, and questions to begin with."""

import re
from collections.abc import Sequence
from typing import Literal

from askmesh_bot.answering.asked_back import how_do_i, is_task, stands_alone
from askmesh_bot.answering.base import Passage
from askmesh_bot.answering.markup import clean

Kind = Literal["greeting", "thanks", "farewell", "agreement", "about"]

_LONGEST = 8
_EXAMPLES = 3
_LONGEST_HEADING = 60
_WORDS: dict[Kind, str] = {
    "greeting": "hi hello hey heya hiya howdy greetings yo morning afternoon evening day guten buenos hola bonjour hallo moin servus ciao "
    "salut ola namaste hei hej ahoy welcome ping test testing sup",
    "thanks": "thanks thank thx ty tysm cheers thankyou appreciated appreciate danke merci gracias grazie obrigado obrigada arigato "
    "tack tak dank bedankt kudos",
    "farewell": "bye goodbye cya farewell later see night tschüss adios adieu au revoir",
    "agreement": "ok okay k kk alright fine cool nice great perfect awesome amazing super got understood right yes yep yeah yup "
    "sure good well excellent brilliant lovely wow lol haha hm hmm aha ah oh indeed works worked solved fixed helpful done "
    "helped helps",
    "about": "help menu commands start",
}
_KINDS: dict[Kind, frozenset[str]] = {kind: frozenset(words.split()) for kind, words in _WORDS.items()}
# Words that may stand beside them and ask nothing.
_FILLER_WORDS = (
    "there all everyone everybody folks team guys friend friends mate bot askmesh assistant again so much very a lot you u the for your "
    "that this it its it's is was be to and i me my mr im i'm am have has thats that's really pretty too now nice most one "
    "bien vielen muchas beaucoup mucho schön tag dias du te please many"
)
_FILLERS = frozenset(_FILLER_WORDS.split())
_ABOUT = re.compile(
    r"(?:who|what) (?:are|r) (?:you|u)|what (?:can|do) (?:you|u) (?:do|know|answer)|what is (?:this|askmesh)(?: bot)?"
    r"|how (?:do|does) (?:you|this|it) work|(?:can|could) (?:you|u|anyone|someone) help(?: me)?|help(?: me)?(?: please)?"
    r"|how are (?:you|u)(?: doing)?(?: today)?|what(?:'s| is) up",
    re.I,
)
_REPLIES: dict[Kind, str] = {
    "greeting": "Hello! Ask me a question: I answer from the sources that were learned here, and show where each answer stands.",
    "thanks": "You’re welcome. Ask me whatever else you would like to find in the sources.",
    "farewell": "Goodbye! Ask me again whenever there is something to find in the sources.",
    "agreement": "Good. Ask me whatever else you would like to find in the sources.",
    "about": "I answer questions from the sources that were learned here, show where each answer stands, and say so where "
    "they hold none.",
}
_OPENING_QUERY = "getting started: how to install, configure, use and add"
_ABOUT_A_PAGE = " about?"
_SYMBOL = re.compile(r"([A-Za-z_][\w.]*)\(.*")


def small_talk(text: str) -> Kind | None:
    """Which kind of pleasantry a text is, if it is nothing else."""
    words = [word.replace("’", "'") for word in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text.lower())]
    if not words:
        # Only marks or pictures; figures and code may be a question.
        return None if re.search(r"\w|[`=<>{}\[\]/\\]", text) else "about" if "?" in text else "agreement"
    if re.search(r"[`\d_]", text) or len(words) > _LONGEST:
        return None
    if _ABOUT.fullmatch(" ".join(words)):
        return "about"
    said = [kind for kind, known in _KINDS.items() if any(word in known for word in words)]
    known = frozenset().union(_FILLERS, *_KINDS.values())
    if not said or not all(word in known for word in words):
        return None
    # "Is it good?" asks something after all.
    return None if said[0] == "agreement" and "?" in text and len(words) > 1 else said[0]


def reply(kind: Kind, examples: Sequence[str]) -> str:
    """The fixed reply, in Markdown, with questions to begin with where there are some."""
    lines = [_REPLIES[kind]]
    if examples:
        lines += ["", "For example:", *(f"- {example}" for example in examples)]
    return "\n".join(lines)


def opening_query() -> str:
    """What to search for to find something to ask about."""
    return _OPENING_QUERY


def example_questions(passages: Sequence[Passage]) -> list[str]:
    """A few questions that these passages answer, each about another document; what a page is about comes last."""
    found: dict[str, str] = {}
    for passage in passages:
        if passage.document not in found and (asked := _question(passage)):
            found[passage.document] = asked
    return sorted(dict.fromkeys(found.values()), key=lambda asked: asked.endswith(_ABOUT_A_PAGE))[:_EXAMPLES]


def _question(passage: Passage) -> str:
    if symbol := _SYMBOL.fullmatch(passage.header):
        return f"What does `{symbol[1]}` do?"
    heading = re.sub(r"[`*_\[\]<>|]", "", passage.header.split(" › ")[-1]).strip()
    if not 3 <= len(heading) <= _LONGEST_HEADING or "(" in heading:
        return ""
    # A heading is anybody's text: no address or mention in it comes alive.
    heading = clean(heading)[0].strip()
    if heading.endswith("?"):
        return heading
    if is_task(heading) and stands_alone(heading):
        return f"{how_do_i(heading)}?"
    return f"What is “{heading}”{_ABOUT_A_PAGE}" if heading else ""
