"""The self-test before the first request: known models must write what they are known to write, all must be sound.

A model's golden answer is the beginning of its greedy answer to a fixed prompt, as far as each token was clearly the
likeliest: another processor's rounding does not change such a token, damaged weights or a wrong template do.
"""

import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from askmesh_llm.engines.base import Message, Prompt

QUESTION = "Name the colours of the rainbow, in their order."
LENGTH = 16
# A token is clear when it is this much likelier than the next one, in nats.
MARGIN = 0.5

# Token and its margin over the next likeliest, of each step.
Steps = Sequence[tuple[int, float]]


@runtime_checkable
class Tested(Protocol):
    """An engine that runs weights of its own, and so can be tested on them."""

    async def golden_steps(self) -> tuple[str, Steps]:
        """The running model's fingerprint, and how its greedy answer to the golden prompt begins."""


class SelfTestFailed(Exception):
    """The model does not write what it should, and must not answer anyone."""


def prompt(tokenizer: Any) -> Prompt:
    """What is asked: a conversation, or plain text of a model without a chat template."""
    return [Message("user", QUESTION)] if tokenizer.chat_template else QUESTION


def table(path: str) -> dict[str, list[int]]:
    """Golden answers by fingerprint: those that come with the package, then the operator's own.

    Raises OSError when the operator's file can't be read, ValueError when it is no such table.
    """
    known = json.loads(resources.files(__package__).joinpath("golden.json").read_text())
    try:
        if path:
            known |= json.loads(Path(path).read_text())
        return {name: [int(item) for item in entry["tokens"]] for name, entry in known.items()}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} (ASKMESH_LLM_GOLDEN_FILE) holds no golden answers") from error


def record(path: str, name: str, model: str, steps: Steps) -> list[int]:
    """Add a model's golden answer to the operator's file, made if need be; returns the answer."""
    file = Path(path)
    known = json.loads(file.read_text()) if file.exists() else {}
    known[name] = {"model": model, "tokens": clear_beginning(steps)}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    return list(known[name]["tokens"])


def clear_beginning(steps: Steps) -> list[int]:
    """The tokens before the first that was not clearly the likeliest."""
    unclear = next((at for at, (_, margin) in enumerate(steps) if margin < MARGIN), len(steps))
    return [token for token, _ in steps[:unclear]]


def check(name: str, steps: Steps, known: Mapping[str, Sequence[int]]) -> None:
    """Raises SelfTestFailed when probabilities are no numbers or a known model does not give its golden answer."""
    if not steps or not all(math.isfinite(margin) for _, margin in steps):
        raise SelfTestFailed("the model's probabilities are not finite numbers")
    expected, written = list(known.get(name, ())), [token for token, _ in steps]
    if written[: len(expected)] != expected:
        raise SelfTestFailed(f"the model {name} should begin its answer with tokens {expected}, but writes {written}")
