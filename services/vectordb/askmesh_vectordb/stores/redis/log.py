"""The stream of an index's changes, which the lexical indexes of all processes follow. Scripts run one at a time, so the
order of its entries is the order of the writes."""

from collections.abc import Sequence

from askmesh_vectordb.stores.followers import Change
from askmesh_vectordb.stores.redis.client import Server
from askmesh_vectordb.stores.redis.keys import Index


async def end(server: Server, index: Index) -> str:
    said = await server.ask("XINFO STREAM", index.log)
    return f"{index.uid}:{said['last-generated-id'].decode()}"


async def since(server: Server, index: Index, place: str) -> tuple[Sequence[Change], str] | None:
    """None where the place is another index's, or of before the stream begins, or of a server that was set back."""
    uid, _, after = place.rpartition(":")
    if uid != index.uid:
        return None
    said, entries = await server.ask_all(
        [("XINFO STREAM", index.log), ("XRANGE", index.log, f"({after}", "+")], together=True
    )
    last = said["last-generated-id"].decode()
    cut = said["entries-added"] != said["length"] and _order(after) < _order(said["first-entry"][0].decode())
    if cut or _order(last) < _order(after):
        return None
    changes = [
        Change(entry.decode(), fields[b"namespace"].decode(), fields[b"id"].decode() or None)
        for entry, fields in entries
    ]
    return changes, f"{index.uid}:{last}"


def _order(entry: str) -> tuple[int, int]:
    moment, _, number = entry.partition("-")
    return int(moment), int(number)
