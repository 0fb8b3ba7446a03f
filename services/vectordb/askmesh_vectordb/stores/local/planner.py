"""How a search goes about it: exactly over few candidates, by the approximate index over many, exactly where that
found too little."""

import numpy as np

from askmesh_vectordb.stores.base import Vector
from askmesh_vectordb.stores.local.matrix import Mask, Places, Read, Scores, View, kth

_FEW_CANDIDATES = 3000
"""So many are scored exactly in less time than a filtered walk through the graph takes."""
_OVERFETCH = 2
_LEAST_FETCHED = 32
_MOST_FETCHED = 2000


def search(
    view: View, vector: Vector, top_k: int, allowed: Mask | None, *, exact_limit: int, read: Read
) -> tuple[Places, Scores]:
    """Places and scores of every row that can be among the `top_k`, not sorted. `exact_limit`: up to so many living
    rows every one is looked at; `read` gives the vectors that are not in memory."""
    query, norm = view.prepared(vector)
    narrow = query.astype(np.float32)
    usable = view.usable(allowed)
    places = None
    if view.graph is not None and norm > 0 and view.living > exact_limit:
        places = _approximate(view, narrow, norm, top_k, usable)
    if places is None:
        places = view.shortlist(narrow, norm, top_k, usable)
    scores = view.exact(query, places, read)
    if len(scores) <= top_k:
        return places, scores
    # Of what was found only the best are read from the file, with all that share the last place.
    best = np.flatnonzero(scores >= kth(scores, top_k))
    return places[best], scores[best]


def _approximate(view: View, query: Vector, norm: float, top_k: int, usable: Mask | None) -> Places | None:
    """Candidates from the graph and from the rows it does not hold; None where an exact search is called for."""
    assert view.graph is not None
    held = view.held if usable is None else int(np.count_nonzero(usable[: view.held]))
    if held <= _FEW_CANDIDATES:
        return None
    wanted = max(_LEAST_FETCHED, int(_OVERFETCH * top_k * len(view.graph) / held))
    if wanted > _MOST_FETCHED:
        return None
    rows, scores = view.graph.search(query, wanted)
    places: Places = np.searchsorted(view.rows[: view.held], rows)
    # A row may be newer than the view, or have died and been cleared away.
    known = places < view.held
    known[known] = view.rows[places[known]] == rows[known]
    if usable is not None:
        known[known] = usable[places[known]]
    places, scores = places[known], scores[known]
    if len(places) < top_k:
        return None
    if len(places) > top_k:
        # Rounding decides nothing: what may be better than it looks stays in.
        places = places[scores >= kth(scores, top_k) - view.slack(norm)]
    places.sort()
    if view.held == len(view.rows):
        return places
    return np.concatenate([places, view.newest(query, norm, top_k, usable)])
