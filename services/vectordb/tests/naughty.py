"""Strings that break careless code."""

from askmesh_vectordb.stores.contract import NAUGHTY as CONTRACT_NAUGHTY

NAUGHTY = (
    *CONTRACT_NAUGHTY,
    "",
    "a" * 5000,
    "\U0010ffff\ufffe",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "NaN",
)
