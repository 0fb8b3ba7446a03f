"""From an OpenAI client's request to a question and what went before it, refusing what can't be honoured."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from askmesh_kit.errors import InvalidRequest

from askmesh_bot.answering.base import Turn
from askmesh_bot.routes.openai_schemas import ChatCompletionRequest, ChatMessage

# The line that, in an abstention, leads to the nearest places: by it the bot knows its own abstentions again.
NEAREST = "The nearest places in the sources:"

# Parameters that are refused unless they are left out, null, or one of these values, which ask for nothing.
_HARMLESS: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "stop": ([], ""),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "audio": (),
}
_LINKED_CITATION = re.compile(r"\[(\d{1,3})\]\([^()\s]*\)")


def refuse_unsupported(asked: ChatCompletionRequest) -> None:
    """Raises InvalidRequest with the name of a parameter that would change the answer and can't."""
    for name, harmless in _HARMLESS.items():
        value = getattr(asked, name)
        if value is not None and value not in harmless:
            raise _unsupported(f"The parameter {name} is not supported: answers come from the sources alone.", name)


def conversation(messages: Sequence[ChatMessage]) -> tuple[str, tuple[Turn, ...]]:
    """The last user message, and the turns before it. System and tool messages are not read.

    Raises InvalidRequest if there is no question, or if it is not text.
    """
    asked = [index for index, message in enumerate(messages) if message.role == "user"]
    if not asked:
        raise InvalidRequest("There is no message with the role user.", param="messages", code="question_empty")
    question = messages[asked[-1]]
    if other := [part.type for part in _parts(question) if part.type != "text"]:
        raise _unsupported(f"The question has a part of type {other[0]}: only text can be asked.", "messages")
    if not _text(question).strip():
        raise InvalidRequest("The last user message is empty.", param="messages", code="question_empty")
    return _text(question), _turns(messages[: asked[-1]])


def _turns(messages: Sequence[ChatMessage]) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for message in messages:
        text = _text(message)
        if message.role == "user":
            turns.append(Turn(text, ""))
        elif message.role == "assistant" and turns and NEAREST not in text:
            said = _LINKED_CITATION.sub(r"[\1]", text)
            turns[-1] = Turn(turns[-1].question, f"{turns[-1].answer}\n{said}".strip())
    return tuple(turns)


def _parts(message: ChatMessage) -> Sequence[Any]:
    return message.content if isinstance(message.content, list) else ()


def _text(message: ChatMessage) -> str:
    if isinstance(message.content, list):
        return "\n".join(part.text for part in message.content if part.type == "text")
    return message.content or ""


def _unsupported(detail: str, param: str) -> InvalidRequest:
    return InvalidRequest(detail, fix="Leave it out.", code="unsupported_parameter", param=param)
