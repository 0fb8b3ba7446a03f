"""Which texts share a batch, and whose turn it is."""

import asyncio
from collections import Counter

import numpy as np
import pytest
from askmesh_embeddings.batching.fair_queue import FairQueue
from askmesh_embeddings.batching.jobs import ALWAYS_TOGETHER, Job
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def job(loop, caller, *lengths):
    return Job([np.zeros(length, np.int32) for length in lengths], caller, loop)


def drain(queue):
    while queue.texts:
        yield queue.take()


requests = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(st.integers(1, 300), min_size=1, max_size=30)), min_size=1, max_size=12
)


@given(requests=requests, budget=st.integers(1, 1_024), most=st.integers(1, 64))
def test_every_text_is_batched_once_within_the_bounds(loop, requests, budget, most):
    queue = FairQueue(budget, most)
    jobs = [job(loop, caller, *lengths) for caller, lengths in requests]
    for each in jobs:
        queue.add(each)
    seen = Counter()
    for batch in drain(queue):
        lengths = [len(tokens) for tokens in batch.tokens]
        assert lengths
        assert len(lengths) <= most
        assert len(lengths) == 1 or len(lengths) * max(lengths) <= budget
        assert max(lengths) <= ALWAYS_TOGETHER or 2 * min(lengths) >= max(lengths)
        seen.update((id(owner), position) for owner, position in batch.items)
    assert seen == Counter((id(each), position) for each in jobs for position in range(len(each.tokens)))
    assert (queue.tokens, queue.texts) == (0, 0)


@given(requests=requests, gone=st.sets(st.integers(0, 11)), budget=st.integers(1, 1_024))
def test_what_is_discarded_is_never_batched_and_the_depth_stays_true(loop, requests, gone, budget):
    queue = FairQueue(budget, 8)
    jobs = [job(loop, caller, *lengths) for caller, lengths in requests]
    for each in jobs:
        queue.add(each)
    queue.take()
    leaving = [each for number, each in enumerate(jobs) if number in gone]
    for each in leaving:
        queue.discard(each)
        queue.discard(each)
    waiting = [len(each.tokens[position]) for each in jobs for position in each.waiting]
    assert (queue.tokens, queue.texts) == (sum(waiting), len(waiting))
    assert not any(owner in leaving for batch in drain(queue) for owner, _ in batch.items)
    assert (queue.tokens, queue.texts) == (0, 0)


def test_a_small_caller_waits_for_one_batch_of_a_large_one_at_most(loop):
    queue = FairQueue(100, 64)
    large = job(loop, "large", *[50] * 200)
    queue.add(large)
    queue.take()
    small = job(loop, "small", 50)
    queue.add(small)
    nearest = [queue.take() for _ in range(2)]
    assert any(owner is small for batch in nearest for owner, _ in batch.items)


def test_callers_with_equal_work_get_equal_tokens(loop):
    queue = FairQueue(100, 64)
    for caller in "abc":
        queue.add(job(loop, caller, *[50] * 100))
    served = Counter()
    for _ in range(60):
        for owner, position in queue.take().items:
            served[owner.caller] += len(owner.tokens[position])
    assert max(served.values()) - min(served.values()) <= 100


def test_a_caller_who_was_away_has_no_credit(loop):
    queue = FairQueue(100, 64)
    queue.add(job(loop, "busy", *[50] * 100))
    for _ in range(20):
        queue.take()
    queue.add(job(loop, "new", *[50] * 100))
    turns = Counter(owner.caller for _ in range(20) for owner, _ in queue.take().items)
    assert abs(turns["busy"] - turns["new"]) <= 4


def test_requests_of_one_caller_take_turns(loop):
    queue = FairQueue(100, 64)
    first, second = job(loop, "a", *[50] * 100), job(loop, "a", *[50] * 4)
    queue.add(first)
    queue.add(second)
    for _ in range(4):
        queue.take()
    assert not second.waiting
    assert first.waiting


def test_batches_are_grouped_by_length(loop):
    queue = FairQueue(512, 64)
    lengths = np.random.default_rng(1).integers(4, 256, 400)
    queue.add(job(loop, "a", *lengths))
    padded = sum(len(batch.items) * batch.longest for batch in drain(queue))
    assert padded < 1.05 * lengths.sum()


def test_a_text_larger_than_the_budget_has_a_batch_of_its_own(loop):
    queue = FairQueue(100, 64)
    queue.add(job(loop, "a", 8_192, 90))
    assert [[len(tokens) for tokens in batch.tokens] for batch in drain(queue)] == [[8_192], [90]]


def test_it_knows_who_waits(loop):
    queue = FairQueue(64, 8)
    first = job(loop, "a", 4)
    queue.add(first)
    assert (queue.waits("a"), queue.waits("b")) == (True, False)
    queue.discard(first)
    assert not queue.waits("a")
