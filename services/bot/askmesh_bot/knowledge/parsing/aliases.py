"""Shorter public names: what a package's `__init__` (or its stub) re-exports from the modules below it."""

import ast
import warnings


def reexports(text: str, package: str) -> dict[str, str]:
    """Qualified name -> public name, for one package's `__init__`; `pkg.mod.*` -> `pkg` for a star import.

    `from .curved import sphere` in fury/actor/__init__.py gives {"fury.actor.curved.sphere": "fury.actor.sphere"}.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = _absolute(node, package)
        # Only what lies below the package: a name imported from elsewhere is documented elsewhere.
        if not module.startswith(f"{package}."):
            continue
        for item in node.names:
            if item.name == "*":
                names[f"{module}.*"] = package
            elif not (item.asname or item.name).startswith("_"):
                names[f"{module}.{item.name}"] = f"{package}.{item.asname or item.name}"
    return names


def _absolute(node: ast.ImportFrom, package: str) -> str:
    parents = package.split(".")
    if node.level:
        base = parents[: len(parents) - node.level + 1]
        return ".".join([*base, node.module] if node.module else base)
    return node.module or ""
