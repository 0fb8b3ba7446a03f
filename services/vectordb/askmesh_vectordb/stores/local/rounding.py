"""Vectors in sixteen bits: bfloat16, the upper half of a float32, rounded to the nearest as usearch rounds too.

They take half the memory, and processors multiply them as they are: a scan takes a third of the time.
"""

import numpy as np
from numpy.typing import NDArray

from askmesh_vectordb.stores.base import Metric

Bits = NDArray[np.uint16]
Vectors = NDArray[np.float32]

ROUNDING = 2.0**-8
"""How far a number in sixteen bits may be off, relative to itself."""


def unit(metric: Metric) -> np.float32:
    """What vectors are divided by before they are rounded. By dot product, a graph divides them by a power of two times
    this: they are rounded alike for all of its radii. A little more than 1, so that unit vectors, whose lengths are not
    quite 1, do not need the next power."""
    return np.float32(1.001) if metric == "dotproduct" else np.float32(1)


def rounded(vectors: Vectors) -> Bits:
    # Loaded when first needed: most stores are small.
    import numkong

    return np.asarray(numkong.astype(np.ascontiguousarray(vectors), "bf16")).view(np.uint16)


def widened(bits: Bits, scale: np.float32) -> Vectors:
    vectors: Vectors = np.left_shift(bits, np.uint32(16), dtype=np.uint32).view(np.float32)
    return vectors if scale == 1 else vectors * scale


def products(bits: Bits, query: Vectors, scale: np.float32) -> Vectors:
    """The dot products of rounded vectors [n, dimension] with a query, which is rounded too; all times `scale`."""
    import numkong

    found = np.empty(len(bits), np.float32)
    if len(bits):
        numkong.dot(bits, rounded(query[None]), dtype="bf16", out=found, out_dtype="float32")
    return found if scale == 1 else found * scale
