"""A thread: a question people asked each other, with its replies. Chat exports and live chats all come to this."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Message:
    """One turn as it reads now: after its edits. Deleted messages are not among a thread's messages."""

    id: str  # unique in its thread, and stable under edits
    author: str  # a handle, or whatever stands for one: it is shown
    text: str  # Markdown
    sent_at: datetime
    edited_at: datetime | None = None
    # Opens this message where it was written; empty: the thread's address.
    url: str = ""
    # Marked as the answer: by the asker, a moderator or a check mark.
    accepted: bool = False
    # Who may see it, where that is not everybody who may see the thread. Such a message is left out.
    audience: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Thread:
    """A question and its replies, oldest first."""

    id: str  # unique in its source, and stable
    messages: tuple[Message, ...]
    # Empty: the first words of the question.
    title: str = ""
    url: str = ""
    # Where it was held, such as `#help`: part of its chunks' headers.
    channel: str = ""
    # Who may see it: record metadata, matched inside the vector database.
    audience: tuple[str, ...] = ("public",)
