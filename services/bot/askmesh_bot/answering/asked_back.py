"""A heading or a docstring's first line, asked back: "Handle errors" is "How do I handle errors?"."""

import re

# Imperatives that open a heading or a docstring and read well after "How do I".
_VERBS = (
    "add|apply|ask|attach|build|call|cancel|change|check|combine|configure|connect|convert|copy|create|decode|define|"
    "delete|deploy|encode|evaluate|expand|extend|find|format|generate|get|install|iterate|join|learn|list|load|make|"
    "measure|move|open|parse|print|read|remove|rename|replace|resolve|return|run|save|schedule|search|send|serialize|"
    "serialise|set|sort|split|start|stop|store|swap|test|train|update|upgrade|use|wait|walk|wrap|write"
)
_IMPERATIVE = re.compile(rf"(?:{_VERBS})\b", re.IGNORECASE)
# Markup, names of parameters and the end of a sentence do not read as a question.
_UNSPEAKABLE = re.compile(r"[`*_|<>\[\]{}\\$:;=]|[.!?] ")
# "Run it alone" says nothing away from its page.
_POINTS_BACK = re.compile(r"\b(?:it|them|this|these|those)\b", re.IGNORECASE)


def is_speakable(line: str) -> bool:
    """Whether it reads as it stands: no markup, one sentence."""
    return not _UNSPEAKABLE.search(line)


def is_task(line: str) -> bool:
    """Whether it says to do something."""
    return bool(_IMPERATIVE.match(line)) and is_speakable(line)


def stands_alone(heading: str) -> bool:
    """Whether a heading says something away from its page."""
    return " " in heading and not _POINTS_BACK.search(heading)


def how_do_i(task: str) -> str:
    """The question without its mark, so that more can be said: "How do I read a path"."""
    task = re.sub(r"^return\b", "get", task[0].lower() + task[1:].rstrip(" .!"))
    # "Rename this path" is asked about any path.
    return "How do I " + re.sub(r"\bthis\b", "a", task)
