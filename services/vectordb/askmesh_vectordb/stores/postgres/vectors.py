"""pgvector's binary format: the dimension, a reserved number, and big-endian float32."""

import struct
from dataclasses import dataclass

import numpy as np
from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

from askmesh_vectordb.stores.base import Vector

_HEADER = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class Embedding:
    """A vector as a parameter of a statement."""

    values: Vector


class _EmbeddingDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Embedding) -> bytes:
        return _HEADER.pack(len(obj.values), 0) + obj.values.astype(">f4").tobytes()


class _VectorLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Vector:
        return np.frombuffer(data, dtype=">f4", offset=_HEADER.size).astype(np.float32)


def register(connection: AsyncConnection, oid: int) -> None:
    """Teach a connection the type `vector`, whose number differs from database to database."""
    connection.adapters.register_dumper(Embedding, type("EmbeddingDumper", (_EmbeddingDumper,), {"oid": oid}))
    connection.adapters.register_loader(oid, _VectorLoader)
