"""The chain finds the groups that joining the closest two again and again finds."""

import itertools
import random
from collections.abc import Sequence

import pytest
from askmesh_bot.review.clusters import central, clusters


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = [sum(value * value for value in vector) ** 0.5 for vector in (one, other)]
    return sum(a * b for a, b in zip(one, other, strict=True)) / (lengths[0] * lengths[1])


def plainly(vectors: Sequence[Sequence[float]], closeness: float) -> list[list[int]]:
    """By the definition: the mean cosine over all pairs of members."""
    groups = [[index] for index in range(len(vectors))]
    while len(groups) > 1:
        best, one, other = max(
            (
                sum(cosine(vectors[a], vectors[b]) for a in first for b in second) / len(first) / len(second),
                first,
                second,
            )
            for first, second in itertools.combinations(groups, 2)
        )
        if best < closeness:
            break
        groups = [group for group in groups if group not in (one, other)] + [one + other]
    return sorted((sorted(group) for group in groups), key=lambda group: (-len(group), group))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("closeness", [-1.0, 0.1, 0.5, 0.9])
def test_groups_are_those_of_the_definition(seed: int, closeness: float) -> None:
    dice = random.Random(seed)
    vectors = [[dice.gauss(0.3, 1) for _ in range(4)] for _ in range(18)]
    assert clusters(vectors, closeness) == plainly(vectors, closeness)


def test_equal_vectors_are_one_group_and_a_vector_of_noughts_is_alone() -> None:
    assert clusters([[1.0, 0.0]] * 30 + [[0.0, 0.0]], 0.5) == [list(range(30)), [30]]
    assert clusters([], 0.5) == []
    assert clusters([[2.0, 1.0]], 0.5) == [[0]]


def test_the_most_central_member_comes_first() -> None:
    vectors = [[1.0, 0.6], [1.0, 0.0], [1.0, -0.5]]
    assert central(vectors, [0, 1, 2])[0] == 1
