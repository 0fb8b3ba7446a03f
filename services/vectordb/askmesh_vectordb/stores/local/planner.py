"""How a search goes about it: exactly over few candidates, by the approximate index over many, exactly where that
found too little. With a filter, the best rows are asked first whether they satisfy it; only where too few do, the rows
that satisfy it are listed."""

from collections.abc import Callable, Sequence

import numpy as np

from askmesh_vectordb.stores.base import Vector
from askmesh_vectordb.stores.local.blocks import Places, Vectors
from askmesh_vectordb.stores.local.view import Mask, Read, Rows, Scores, View, kth

_FEW_CANDIDATES = 3000
"""So many are scored exactly in less time than a filtered walk through the graph takes."""
_FEW_NEWEST = 1000
_OVERFETCH = 2
_LEAST_FETCHED, _FETCHED_FOR_EACH = 24, 4
"""usearch looks as widely as it is asked for many: what the last places need to be the right ones."""
_LEAST_ASKED = 80
_MOST_FETCHED = 2000
_MOST_ASKED = 500
_FIRST_ASKED, _ASKED_AT_ONCE = 32, 16
_HUGE = float(np.finfo(np.float32).max)

Found = tuple[Places, Scores]
Near = tuple[Places, Vectors]
"""With rounded scores."""


def is_quick(view: View, exact_limit: int) -> bool:
    """Whether a search without a filter is a walk through the graph and little else."""
    newest = len(view.rows) - view.held
    return newest <= _FEW_NEWEST and view.held > _FEW_CANDIDATES and _walks(view, 1.0, exact_limit)


def search(view: View, vector: Vector, top_k: int, allowed: Mask | None, *, exact_limit: int, read: Read) -> Found:
    """Places and scores of every row that can be among the `top_k`, not sorted. `exact_limit`: up to so many living
    rows every one is looked at; `read` gives the vectors that are not in memory."""
    query, norm = view.prepared(vector)
    narrow = query.astype(np.float32)
    usable = view.usable(allowed)
    places = None
    if _walks(view, norm, exact_limit):
        places = _approximate(view, narrow, norm, top_k, usable)
    if places is None:
        places = view.shortlist(narrow, top_k, usable, _slack(view, narrow, norm, exact_limit))
    return _best(places, view.exact(query, places, read), top_k)


def ask(
    view: View,
    vector: Vector,
    top_k: int,
    satisfying: Callable[[Sequence[int]], set[int]],
    *,
    exact_limit: int,
    read: Read,
) -> Found | None:
    """The same of the rows that satisfy a filter, where many do: the best are asked, some at a time and by row number,
    until enough have answered yes. None where too few did."""
    query, norm = view.prepared(vector)
    narrow = query.astype(np.float32)
    most = _LEAST_ASKED + _FETCHED_FOR_EACH * top_k
    if most > _MOST_ASKED or len(view.rows) <= _FEW_CANDIDATES:
        return None
    if not _walks(view, norm, exact_limit):
        places, scores = view.best(narrow, most)
    elif view.held <= _FEW_CANDIDATES:
        return None
    else:
        near = _near(view, narrow, most, view.alive)
        places, scores = _with_newest(view, narrow, norm, most, view.alive, near, 0)
    chosen: list[int] = []
    order = np.argsort(-scores)
    worst, slack = -np.inf, _slack(view, narrow, norm, exact_limit)
    for asked in range(0, len(order), _ASKED_AT_ONCE):
        some = order[asked : asked + _ASKED_AT_ONCE]
        if asked == _FIRST_ASKED and 4 * len(chosen) < min(top_k, _FIRST_ASKED // 4):
            return None
        yes = satisfying(view.rows[places[some]].tolist())
        for place, score in zip(places[some].tolist(), scores[some].tolist(), strict=True):
            if score < worst:
                found = np.sort(np.array(chosen, dtype=np.intp))
                return _best(found, view.exact(query, found, read), top_k)
            if int(view.rows[place]) in yes:
                chosen.append(place)
                if len(chosen) == top_k:
                    # Rounding decides nothing: what may be better than it looks is asked too.
                    worst = score - slack
    return None


def _walks(view: View, norm: float, exact_limit: int) -> bool:
    return view.graph is not None and norm > 0 and view.living > exact_limit


def _slack(view: View, query: Vectors, norm: float, exact_limit: int) -> float:
    """By how much a rounded score may be off: at all up to the limit, likely above."""
    return view.likely_slack(query, norm) if view.living > exact_limit else view.slack(norm)


def _best(places: Places, scores: Scores, top_k: int) -> Found:
    """Only the best are read from the file, with all that share the last place."""
    if len(scores) <= top_k:
        return places, scores
    best = np.flatnonzero(scores >= kth(scores, top_k))
    return places[best], scores[best]


def _approximate(view: View, query: Vector, norm: float, top_k: int, usable: Mask | None) -> Places | None:
    """Candidates from the graph and from the rows it does not hold; None where an exact search is called for."""
    assert view.graph is not None
    held = view.held if usable is None else int(np.count_nonzero(usable[: view.held]))
    if held <= _FEW_CANDIDATES:
        return None
    enough = min(_LEAST_FETCHED + _FETCHED_FOR_EACH * top_k, _MOST_FETCHED)
    wanted = max(enough, int(_OVERFETCH * top_k * len(view.graph) / held))
    if wanted > _MOST_FETCHED:
        return None
    rows, found = view.graph.search(query, wanted)
    if len(rows) < top_k:
        return None
    slack = view.likely_slack(query, norm)
    # Most often all of the best are usable, and no other needs a look.
    best = _within(found, top_k, slack)
    _, places = _places(view, rows[:best], usable)
    scores = found[:best]
    if len(places) < best:
        known, places = _places(view, rows, usable)
        if len(places) < top_k:
            return None
        scores = found[known]
        best = _within(scores, top_k, slack)
        places, scores = places[:best], scores[:best]
    places, _ = _with_newest(view, query, norm, top_k, usable, (places, scores), slack)
    places.sort()
    return places


def _near(view: View, query: Vector, most: int, usable: Mask | None) -> Near:
    """Usable places from the graph, with their rounded scores, best first."""
    assert view.graph is not None
    rows, scores = view.graph.search(query, most)
    known, places = _places(view, rows, usable)
    return places, scores[known]


def _with_newest(
    view: View, query: Vector, norm: float, count: int, usable: Mask | None, near: Near, slack: float
) -> Near:
    """What came out of the graph, best first, with those of the rows that it does not hold that can be among the
    `count` best of all."""
    if view.held == len(view.rows):
        return near
    places, scores = near
    newest = view.newest(query, norm, usable)
    if len(scores) >= count and newest.max() < scores[count - 1] - slack:
        return near
    both = np.concatenate([scores, newest])
    least = kth(both, count) - slack if len(both) > count else -_HUGE
    # What is not usable is below them all.
    chosen = np.flatnonzero(newest >= np.float32(max(least, -_HUGE)))
    return np.concatenate([places, view.held + chosen]), np.concatenate([scores, newest[chosen]])


def _within(scores: Vectors, top_k: int, slack: float) -> int:
    """How many of these scores, best first, can belong to the `top_k` best."""
    return int(np.count_nonzero(scores >= scores[top_k - 1] - np.float32(slack)))


def _places(view: View, rows: Rows, usable: Mask | None) -> tuple[Mask, Places]:
    """Which of these rows the view has and may use, and where those are. One may be newer than the view, or have died
    and been cleared away."""
    held = view.rows[: view.held]
    places: Places = held.searchsorted(rows)
    known = held.take(places, mode="clip") == rows
    if usable is not None:
        known &= usable.take(places, mode="clip")
    return known, places[known]
