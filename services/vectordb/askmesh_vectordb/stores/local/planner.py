"""How a search goes about it: exactly over few candidates, by the approximate index over many, exactly where that
found too little."""

import numpy as np

from askmesh_vectordb.stores.base import Vector
from askmesh_vectordb.stores.local.matrix import Mask, Places, Scores, View
from askmesh_vectordb.stores.local.nearest import Nearest

_FEW_CANDIDATES = 3000
"""So many are scored exactly in less time than a filtered walk through the graph takes."""
_OVERFETCH = 2
_LEAST_FETCHED = 32
_MOST_FETCHED = 2000


def search(
    view: View, nearest: Nearest | None, tail: int, vector: Vector, top_k: int, allowed: Mask | None
) -> tuple[Places, Scores]:
    """Places and scores of every row that can be among the `top_k`, not sorted. `tail`: so many rows that the
    approximate index does not hold yet may be scored one by one."""
    query, norm = view.prepared(vector)
    usable = view.usable(allowed)
    places = None
    if nearest is not None and norm > 0:
        places = _approximate(view, nearest, tail, query.astype(np.float32), norm, top_k, usable)
    if places is None:
        places = view.shortlist(query.astype(np.float32), norm, top_k, usable)
    scores = view.exact(query, places)
    if len(scores) <= top_k:
        return places, scores
    # Of what was found only the best are read from the file, with all that share the last place.
    best = np.flatnonzero(scores >= np.partition(scores, len(scores) - top_k)[len(scores) - top_k])
    return places[best], scores[best]


def _approximate(
    view: View, nearest: Nearest, tail: int, query: Vector, norm: float, top_k: int, usable: Mask | None
) -> Places | None:
    """Candidates from the graph and from the rows it does not hold; None where an exact search is called for."""
    start = int(np.searchsorted(view.rows, nearest.last_row, side="right"))
    held = start if usable is None else int(np.count_nonzero(usable[:start]))
    if held <= _FEW_CANDIDATES or len(view.rows) - start > tail:
        return None
    wanted = max(_LEAST_FETCHED, int(_OVERFETCH * top_k * len(nearest) / held))
    if wanted > _MOST_FETCHED:
        return None
    rows = np.sort(nearest.search(query, wanted))
    rows = rows[rows <= view.rows[-1]]
    places: Places = np.searchsorted(view.rows, rows)
    # A row may have died and been cleared away since it was added.
    places = places[view.rows[places] == rows]
    if usable is not None:
        places = places[usable[places]]
    if len(places) < top_k:
        return None
    if start == len(view.rows):
        return places
    rest = np.ones(len(view.rows), np.bool_) if usable is None else usable.copy()
    rest[:start] = False
    found: Places = np.concatenate([places[places < start], view.shortlist(query, norm, top_k, rest)])
    return found
