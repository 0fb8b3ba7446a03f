"""The outline of a module that this Python's own parser refuses: newer syntax, or a mistake somewhere in it."""

import inspect
import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

from parso.grammar import load_grammar

from askmesh_bot.knowledge.parsing.definitions import Definition, ModuleOutline
from askmesh_bot.knowledge.parsing.fstrings import without_fstrings

# The newest grammar that parso carries; the default is that of the running Python.
_GRAMMAR = "3.14"
_SPACE = re.compile(r"\s+")


def outline(text: str) -> ModuleOutline:
    """What can be recognised. A statement that can't be parsed is skipped, what stands around it is kept."""
    tree = load_grammar(version=_GRAMMAR).parse(without_fstrings(text))
    docstring, line, end = _docstring(tree)
    module = Definition("module", "", "", docstring, 1, max(end, 1), line)
    return ModuleOutline((module, *_definitions(tree, "")), None)


def _definitions(node: Any, scope: str) -> Iterator[Definition]:
    for child in getattr(node, "children", []):
        if child.type in {"classdef", "funcdef"}:
            yield _definition(child, scope)
        if child.type == "classdef":
            yield from _definitions(child.children[-1], f"{scope}{child.name.value}.")
        elif child.type != "funcdef":
            yield from _definitions(child, scope)


def _definition(node: Any, scope: str) -> Definition:
    name = f"{scope}{node.name.value}"
    docstring, line, doc_end = _docstring(node)
    decorators = [_flat(item).lstrip("@ ") for item in node.get_decorators()]
    start = min([node.start_pos[0], *(item.start_pos[0] for item in node.get_decorators())])
    # A block's last newline belongs to it, so its end lies at the start of the line below.
    end = node.end_pos[0] - (node.end_pos[1] == 0)
    notes = tuple(f"@{item}" for item in decorators)
    if node.type == "classdef":
        methods = {item.name.value: item for item in node.iter_funcdefs()}
        signature = _parameters(methods["__init__"], drop_first=True) if "__init__" in methods else ""
        return Definition("class", name, signature, docstring, start, max(doc_end, node.name.start_pos[0]), line, notes)
    drop_first = bool(scope) and "staticmethod" not in decorators
    signature = "" if "property" in decorators else _parameters(node, drop_first)
    if signature and node.annotation:
        signature += f" -> {_flat(node.annotation)}"
    return Definition("function", name, signature, docstring, start, end, line, notes)


def _parameters(node: Any, drop_first: bool) -> str:
    parameters = node.get_params()[1 if drop_first else 0 :]
    return "(" + ", ".join(_flat(item).removesuffix(",").rstrip() for item in parameters) + ")"


def _flat(node: Any) -> str:
    return _SPACE.sub(" ", node.get_code(include_prefix=False)).strip()


def _docstring(node: Any) -> tuple[str, int, int]:
    leaf = node.get_doc_node()
    if leaf is None:
        return "", 0, 0
    try:
        raw = literal_eval(leaf.get_code(include_prefix=False))
    except (SyntaxError, ValueError):
        return "", 0, 0
    if not isinstance(raw, str):
        return "", 0, 0
    skipped = len(raw) - len(raw.lstrip())
    return inspect.cleandoc(raw), leaf.start_pos[0] + raw.count("\n", 0, skipped), leaf.end_pos[0]
