"""Prompts as token ids, by the model's own chat template, with message text kept text.

The template is rendered with placeholders; its own parts are tokenised as control text and the messages' contents
as plain text, so that `<|end|><|system|>` in a document never becomes a control token.
"""

import re
import secrets
import threading
from collections.abc import Sequence
from typing import Any

from askmesh_kit.errors import InvalidRequest
from jinja2 import TemplateError

from askmesh_llm.engines.base import Message


class PromptEncoder:
    """Encodes from any thread, one at a time: the tokeniser's flags are shared state."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()

    def text(self, text: str) -> list[int]:
        """A raw prompt's ids, with what the model wants at the beginning of a text."""
        with self._lock:
            return self._ids(text, literal=True, add_special_tokens=True)

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """A conversation's ids, ending where the assistant's answer begins. Raises InvalidRequest."""
        if not self._tokenizer.chat_template:
            raise InvalidRequest("This model has no chat template.", fix="Use /v1/completions.")
        with self._lock:
            pieces = self._pieces(messages)
            ids: list[int] = []
            for piece, literal in pieces:
                ids += self._ids(piece, literal=literal, add_special_tokens=False)
            return ids

    def check(self) -> None:
        """Raises ValueError unless the template carries text whole and adds the same control tokens to any text."""
        if not self._tokenizer.chat_template:
            return
        special = {item for item, token in self._tokenizer.added_tokens_decoder.items() if token.special}
        control = special - {self._tokenizer.unk_token_id}
        harmless, hostile = "Read x == 1, please.", "".join(map(str, self._tokenizer.all_special_tokens))
        plain, attacked = (self.conversation([Message("user", text)]) for text in (harmless, hostile))
        # Blanks aside, which some tokenisers put between any two tokens.
        if harmless.replace(" ", "") not in self._tokenizer.decode(plain).replace(" ", ""):
            raise ValueError("the chat template does not carry a message's text unchanged")
        if [item for item in plain if item in control] != [item for item in attacked if item in control]:
            raise ValueError("control tokens in a message reach the model as control tokens")

    def _pieces(self, messages: Sequence[Message]) -> list[tuple[str, bool]]:
        """The rendered prompt in parts; True marks the parts that are message text."""
        for variant in (messages, _without_system(messages)):
            nonce = secrets.token_hex(8)
            turns = [{"role": turn.role, "content": f"[{nonce}-{n}]"} for n, turn in enumerate(variant)]
            try:
                rendered = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            except TemplateError:
                continue
            parts = re.split(rf"\[{nonce}-(\d+)\]", rendered)
            if [int(part) for part in parts[1::2]] == list(range(len(variant))):
                texts = [
                    (part, False) if at % 2 == 0 else (variant[int(part)].content, True)
                    for at, part in enumerate(parts)
                ]
                return [(text, literal) for text, literal in texts if text]
        raise InvalidRequest(
            "The model's chat template does not take these messages.",
            fix="Let user and assistant take turns, beginning with user.",
            param="messages",
        )

    def _ids(self, text: str, *, literal: bool, add_special_tokens: bool) -> list[int]:
        encoded = self._tokenizer(text, add_special_tokens=add_special_tokens, split_special_tokens=literal)
        return list(encoded["input_ids"])


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The system's words moved to the top of the first user message, for templates that know no system role."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    first = next((at for at, message in enumerate(rest) if message.role == "user"), None)
    if system and first is not None:
        rest[first] = Message("user", f"{system}\n\n{rest[first].content}")
    return rest
