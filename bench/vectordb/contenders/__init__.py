"""What is compared: one module for each contender, loaded in a process of its own."""

from dataclasses import dataclass
from importlib import import_module

from bench.vectordb.contenders.base import Contender


@dataclass(frozen=True)
class Entry:
    """`needs`: packages that it is given in an environment of its own. `data_of`: it reads what that one loaded."""

    where: str
    needs: tuple[str, ...] = ()
    data_of: str = ""


CONTENDERS = {
    "local": Entry("local:Local"),
    "local, HTTP": Entry("local_http:LocalHttp", data_of="local"),
    "Chroma server": Entry("chroma:Chroma"),
    "Qdrant Edge": Entry("qdrant_edge:QdrantEdge"),
    "pgvector halfvec": Entry("pgvector:Pgvector"),
    "LanceDB": Entry("lance:Lance", needs=("lancedb==0.40.0", "numpy>=2.4,<3", "pyarrow")),
    "BLAS exact scan": Entry("exact:Exact"),
}


def load(name: str) -> type[Contender]:
    module, _, attribute = CONTENDERS[name].where.partition(":")
    found: type[Contender] = getattr(import_module(f"bench.vectordb.contenders.{module}"), attribute)
    return found
