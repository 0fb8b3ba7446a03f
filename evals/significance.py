"""Whether one ranking beats another on the same questions, or only seems to."""

import random
from collections.abc import Sequence

_ROUNDS = 10_000


def paired_randomisation(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """The mean difference, and the two-sided p-value of Fisher's randomisation test over question pairs.

    Smucker, Allan and Carterette, "A Comparison of Statistical Significance Tests for Information Retrieval Evaluation",
    CIKM 2007. The same at every run.
    """
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    if not differences:
        return 0.0, 1.0
    told = [difference for difference in differences if difference]
    observed = abs(sum(told)) - 1e-12
    dice = random.Random(7)
    extreme = sum(
        abs(sum(difference if dice.getrandbits(1) else -difference for difference in told)) >= observed
        for _ in range(_ROUNDS)
    )
    return sum(differences) / len(differences), (extreme + 1) / (_ROUNDS + 1)
