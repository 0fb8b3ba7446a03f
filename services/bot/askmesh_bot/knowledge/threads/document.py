"""A thread as a document: every turn is a section with its own lines and its own address."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC

from askmesh_bot.knowledge.base import Document, Section
from askmesh_bot.knowledge.threads.base import Message, Thread
from askmesh_bot.knowledge.threads.corrections import announces, askers_words, corrected
from askmesh_bot.knowledge.threads.titles import title_of

_LONGEST_ID, _LONGEST_NAME = 400, 80
_CODE = re.compile(r"```.*?```|~~~.*?~~~", re.S)
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_WORD = re.compile(r"\w+")
# Words of which a turn is made that says nothing: "thanks a lot, that worked!", "+1", "same here".
_APPLAUSE = frozenset(
    _WORD.findall(
        "+1 1 a all amazing awesome brilliant bump bye cheers cool did everyone exactly excellent following for glad got great "
        "guys ha haha hehe helped here hi hello i indeed is it job just lol lot many me much nice no np ok okay oh perfect "
        "please problem same so solved sorry sure thank thanks that the this thx to too ty very welcome well wonderful worked "
        "working works wow yep you your yw"
    )
)


def thread_document(thread: Thread) -> Document | None:
    """The thread as it can be learned; None where nobody replied, or nothing that all its readers may see."""
    messages = [message for message in thread.messages if _for_all(message, thread) and message.text.strip()]
    if len(messages) < 2:
        return None
    text, sections = _told(messages)
    if all(section.aside for section in sections):
        return None
    title = _line(thread.title) or title_of(messages[0].text)
    links = {message.id: message.url or thread.url for message in messages if message.url or thread.url}
    content = f"{text}\0{sections!r}\0{title}\0{thread.channel}\0{sorted(links.items())!r}"
    return Document(
        id=thread.id if len(thread.id) <= _LONGEST_ID else hashlib.sha256(thread.id.encode()).hexdigest(),
        title=" › ".join(filter(None, (_line(thread.channel), title))),
        path=thread.id,
        kind="thread",
        text=text,
        sections=sections,
        content_hash=hashlib.sha256(content.encode(errors="replace")).hexdigest(),
        audience=thread.audience,
        updated_at=max(message.edited_at or message.sent_at for message in messages),
        links=links,
    )


def _told(messages: Sequence[Message]) -> tuple[str, tuple[Section, ...]]:
    """The thread's text, and a section for each turn that says something."""
    overruled, asides = corrected(messages), askers_words(messages)
    if not announces(messages[0].text):
        asides |= {messages[0].id}
    lines: list[str] = []
    sections: list[Section] = []
    for index, message in enumerate(messages):
        head = _head(message)
        text = _plain_lines(message.text)
        start = len(lines) + 1
        lines += [head + ":", *text.split("\n"), ""]
        if index and _is_applause(text):
            continue
        sections.append(
            Section(
                breadcrumbs=(head + (" (corrected below)" if message.id in overruled else ""),),
                text=text,
                line_start=start,
                line_end=len(lines) - 1,
                anchor=message.id,
                text_line=start + 1,
                aside=message.id in overruled or message.id in asides,
            )
        )
    return "\n".join(lines[:-1]), tuple(sections)


def _head(message: Message) -> str:
    accepted = " (accepted answer)" if message.accepted else ""
    return f"{_line(message.author)[:_LONGEST_NAME]}, {message.sent_at.astimezone(UTC):%Y-%m-%d}{accepted}"


def _for_all(message: Message, thread: Thread) -> bool:
    """Whether everybody who may see the thread may see this message."""
    return message.audience is None or set(thread.audience) <= set(message.audience)


def _is_applause(text: str) -> bool:
    return all(word in _APPLAUSE for word in _WORD.findall(text.lower()))


def _line(text: str) -> str:
    """A name on one line: it stands in a heading, where a line more could pass for another turn."""
    return " ".join(text.split())


def _plain_lines(text: str) -> str:
    """The text with plain line ends. A code fence left open is closed: it would swallow the turns after it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n").split("\n")
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if not fence and mark:
            fence = mark[1]
        elif fence and line.strip().startswith(fence):
            fence = ""
    return "\n".join([*lines, fence] if fence else lines)
