"""A small real corpus: the docstrings of standard-library modules, as records that a learner would write."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from askmesh_bot.database.collections import Collections
from askmesh_bot.database.engine import Database
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.vectordb import Record, VectordbClient
from askmesh_bot.settings import Settings

MODULES = ("pathlib", "json", "textwrap", "tempfile", "shutil")


def docstrings(module: str) -> Iterator[dict[str, Any]]:
    """The metadata of one record per documented function, method or class of a module."""
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    position = 0
    for node, name in _definitions(tree, module):
        text = ast.get_docstring(node)
        if not text or name.rpartition(".")[2].startswith("_"):
            continue
        position += 1
        arguments = f"({ast.unparse(node.args)})" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ""
        header = f"{name}{arguments}".replace("(self, ", "(").replace("(self)", "()")
        start, end = node.lineno, node.end_lineno or node.lineno
        yield {
            "text": text[:1200],
            "header": header,
            "title": module,
            "url": f"/read/default/stdlib/{module}.py#L{start}-L{end}",
            "source": "stdlib",
            "document": module,
            "kind": "docstring",
            "path": f"{module}.py",
            "line_start": start,
            "line_end": end,
            "symbol": name,
            "audience": ["public"],
            "position": position,
            "hash": hashlib.sha256(f"{header}\n{text}".encode()).hexdigest(),
        }


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[Any, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{child.name}"
            yield child, name
            if isinstance(child, ast.ClassDef):
                yield from _definitions(child, name)


async def learn(settings: Settings, rows: Sequence[dict[str, Any]], collection: str = "default") -> None:
    """Put records into a collection, as the learner does."""
    database = Database(settings.database_url)
    embeddings, vectordb = EmbeddingsClient(settings.embeddings), VectordbClient(settings.vectordb)
    try:
        await database.migrate()
        card = await embeddings.model()
        row = await Collections(database).ensure(collection, card.fingerprint)
        await vectordb.ensure_index(row.index, card.dimension, card.fingerprint)
        texts = [f"{item['header']}\n{item['text']}"[:700] for item in rows]
        vectors = await embeddings.embed(texts, "document")
        records = [
            Record(f"{item['source']}:{item.get('symbol') or number}", vector, item)
            for number, (item, vector) in enumerate(zip(rows, vectors, strict=True))
        ]
        await vectordb.upsert(row.index, row.namespace, records)
    finally:
        for resource in (database, embeddings, vectordb):
            await resource.close()
