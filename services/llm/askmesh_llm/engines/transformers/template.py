"""Prompts as token ids, by the model's own chat template, with message text kept text.

The template is rendered with placeholders; its own parts are tokenised as control text and the messages' contents
as plain text, so that `<|end|><|system|>` in a document never becomes a control token.
"""

import copy
import re
import secrets
from collections.abc import Sequence
from typing import Any

from askmesh_kit.errors import InvalidRequest
from jinja2 import TemplateError

from askmesh_llm.engines.base import ContextLengthExceeded, Message, Prompt
from askmesh_llm.engines.golden import SelfTestFailed

# A normaliser may drop characters, blanks above all; it is taken to drop no more than three of four.
_SHRINKING = 4


class PromptEncoder:
    """Encodes from any thread, several at a time."""

    def __init__(self, tokenizer: Any) -> None:
        # The library keeps the way to read control tokens in the tokeniser, and changes it there. With one of its own
        # for each way nothing is ever changed, so no text has to wait for another, however long that is.
        self._tokenizer, self._literal = copy.deepcopy(tokenizer), copy.deepcopy(tokenizer)
        self._ids("", literal=False, add_special_tokens=False)
        self._ids("", literal=True, add_special_tokens=False)
        self._longest = max(map(len, tokenizer.get_vocab()), default=1)

    def encode(self, prompt: Prompt, context: int | None = None) -> list[int]:
        """The prompt's ids. With `context`, a prompt that is far too long for it is refused before it is read.

        Raises InvalidRequest, and ContextLengthExceeded.
        """
        if context is not None:
            self._check_length(prompt, context)
        return self.text(prompt) if isinstance(prompt, str) else self.conversation(prompt)

    def text(self, text: str) -> list[int]:
        """A raw prompt's ids, with what the model wants at the beginning of a text."""
        return self._ids(text, literal=True, add_special_tokens=True)

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """A conversation's ids, ending where the assistant's answer begins. Raises InvalidRequest."""
        if not self._tokenizer.chat_template:
            raise InvalidRequest("This model has no chat template.", fix="Use /v1/completions.")
        ids: list[int] = []
        for piece, literal in self._pieces(messages):
            ids += self._ids(piece, literal=literal, add_special_tokens=False)
        return ids

    def _check_length(self, prompt: Prompt, context: int) -> None:
        characters = len(prompt) if isinstance(prompt, str) else sum(len(message.content) for message in prompt)
        least = characters // (self._longest * _SHRINKING)
        if least > context:
            raise ContextLengthExceeded(
                f"This model's maximum context length is {context} tokens, but your prompt of {characters} characters"
                f" has at least {least}.",
                fix="Shorten the prompt.",
                param="messages",
            )

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
            raise SelfTestFailed("the chat template does not carry a message's text unchanged")
        if [item for item in plain if item in control] != [item for item in attacked if item in control]:
            raise SelfTestFailed("control tokens in a message reach the model as control tokens")

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
        tokenizer = self._literal if literal else self._tokenizer
        encoded = tokenizer(text, add_special_tokens=add_special_tokens, split_special_tokens=literal)
        return list(encoded["input_ids"])


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The system's words moved to the top of the first user message, for templates that know no system role."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    first = next((at for at, message in enumerate(rest) if message.role == "user"), None)
    if system and first is not None:
        rest[first] = Message("user", f"{system}\n\n{rest[first].content}")
    return rest
