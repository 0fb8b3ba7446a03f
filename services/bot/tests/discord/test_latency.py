# ruff: noqa: T201 - the figures are what one runs the long version for
"""How soon people see something: acknowledgements, first words and edits, with a slow model and many who ask at once."""

import asyncio
import gc
import os
import time
from itertools import pairwise

import pytest
from askmesh_bot.answering.base import Citation, Delta, Done, Sources, Status

from .conftest import staged, until
from .scripted import PASSAGES

pytestmark = pytest.mark.anyio

LONG = os.environ.get("ASKMESH_LONG_TESTS") == "1"
AT_ONCE = 20
ROUNDS = 15 if LONG else 1
# Only the long version has the machine for itself. The short one shows the same by the order of things: the model waits
# until everybody was acknowledged, and until its first words were shown.
ACKNOWLEDGED_S, SHOWN_S = 0.2, 1.5
# What the settings ask for by default.
INTERVAL_S = 1.2
# A marker that no other text holds: the model's first token.
FIRST = "firstword"


@pytest.fixture(autouse=True)
def _only_new_garbage():
    """A full collection of all that pytest and other tests have loaded stops this process for some 0.2 s at a time; the
    bot's process does not have that."""
    gc.collect()
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class SlowModel:
    """Thinks before its first token and takes its time for each further one. Notes when that first one came.

    `thinking`: whether it has to think on; `unseen`: whether it has to wait until the first token of an answer is seen.
    """

    def __init__(self, thinks_s, words, pause_s, thinking=lambda: False, unseen=lambda name: False) -> None:
        self.thinks_s, self.words, self.pause_s = thinks_s, words, pause_s
        self.thinking, self.unseen = thinking, unseen
        self.first = {}

    async def __call__(self, question):
        yield Status("searching", "Searching 2 sources")
        yield Sources(PASSAGES)
        yield Status("reading", "Reading 2 passages")
        await asyncio.sleep(self.thinks_s)
        while self.thinking():
            await asyncio.sleep(0.02)
        name = question.text.split()[-1].rstrip("?")
        self.first[name] = time.monotonic()
        text = f"{FIRST}{name} " + "word " * self.words + "[1]."
        for word in text.split(" "):
            yield Delta(word + " ")
            await asyncio.sleep(self.pause_s)
            while self.unseen(name):
                await asyncio.sleep(0.02)
        citations = (Citation(PASSAGES[0], text),)
        yield Done("answered", text, citations=citations, passages=PASSAGES, model="scripted")


def unlimited(stage):
    # Twenty threads' worth of calls share this test's one channel; Discord's limits have a test of their own.
    stage.discord.limiter.limits = {key: (10_000, window) for key, (_, window) in stage.discord.limiter.limits.items()}


@pytest.mark.timeout(600)
async def test_commands_are_acknowledged_at_once_while_a_slow_model_answers_many(tmp_path):
    async with staged(tmp_path, edit_interval_s=INTERVAL_S) as stage:
        unlimited(stage)
        clicks = []

        def thinking():
            return not LONG and (len(clicks) < AT_ONCE or any(click.ack_s is None for click in clicks))

        stage.assistant.script = SlowModel(0.5, 10, 0.1, thinking)
        people = [stage.discord.person(f"person{number}") for number in range(AT_ONCE)]
        acks = []
        for turn in range(ROUNDS):
            clicks = [
                await person.slash(stage.channel, "ask", question=f"How is it {turn}x{number}?")
                for number, person in enumerate(people)
            ]
            await until(lambda clicks=clicks: all(click.ack_s is not None for click in clicks))
            acks += [click.ack_s for click in clicks]
            await until(lambda: not stage.frontend.busy, 60)
    print(
        f"{len(acks)} commands, {AT_ONCE} at once: acknowledged median {percentile(acks, 0.5) * 1000:.0f} ms,", end=" "
    )
    print(f"p99 {percentile(acks, 0.99) * 1000:.0f} ms, most {max(acks) * 1000:.0f} ms")
    if LONG:
        # The emulator shares the event loop, so this is more than what the bot takes.
        assert percentile(acks, 0.99) < ACKNOWLEDGED_S


@pytest.mark.timeout(600)
async def test_first_words_show_soon_and_no_message_is_edited_more_often_than_allowed(tmp_path):
    delays, gaps = [], []
    async with staged(tmp_path, edit_interval_s=INTERVAL_S) as stage:
        unlimited(stage)

        def unseen(name):
            texts = (text for edits in stage.discord.edits.values() for _, text in edits)
            return not LONG and not any(f"{FIRST}{name} " in f"{text} " for text in texts)

        model = stage.assistant.script = SlowModel(0.7, 40, 0.05, unseen=unseen)
        people = [stage.discord.person(f"person{number}") for number in range(AT_ONCE if LONG else 8)]
        for turn in range(5 if LONG else 1):
            for number, person in enumerate(people):
                await person.slash(stage.channel, "ask", question=f"How is it {turn}x{number}?")
                await asyncio.sleep(0.03)
            await until(lambda turn=turn: len(model.first) == len(people) * (turn + 1))
            await until(lambda: not stage.frontend.busy, 60)
        for edits in stage.discord.edits.values():
            gaps += [later - earlier for (earlier, _), (later, _) in pairwise(edits)]
            shown = next((at, text) for at, text in edits if FIRST in text)
            name = shown[1].split(FIRST)[1].split()[0]
            delays.append(shown[0] - model.first[name])
    print(f"{len(delays)} answers: first words after median {percentile(delays, 0.5):.2f} s,", end=" ")
    print(f"most {max(delays):.2f} s; {len(gaps)} gaps between edits, least {min(gaps):.3f} s")
    assert len(delays) == len(model.first)
    if LONG:
        assert max(delays) < SHOWN_S
    assert min(gaps) >= INTERVAL_S
