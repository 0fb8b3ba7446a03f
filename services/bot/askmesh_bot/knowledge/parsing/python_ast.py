"""The outline of a module whose syntax this Python knows."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from typing import Literal

from askmesh_bot.knowledge.parsing.definitions import Definition, ModuleOutline

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Documented = ast.Module | ast.ClassDef | _Function
# A default longer than this says nothing in a signature.
_LONGEST_DEFAULT = 40


def outline(tree: ast.Module) -> ModuleOutline:
    """The outline of a parsed module."""
    docstring, line, end = _docstring(tree)
    module = Definition("module", "", "", docstring, 1, max(end, 1), line)
    statements = list(_flatten(tree.body))
    definitions = (module, *_definitions(statements, ""))
    return ModuleOutline(definitions, _exports(statements), tuple(_code(tree.body, bool(docstring))))


def _flatten(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body, those inside `if`, `try` and `with` included."""
    for statement in body:
        yield statement
        for name in ("body", "orelse", "handlers", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                for child in getattr(statement, name, []):
                    yield from _flatten(child.body if isinstance(child, ast.ExceptHandler) else [child])


def _definitions(statements: Sequence[ast.stmt], scope: str) -> Iterator[Definition]:
    overloads: dict[str, list[str]] = {}
    seen: set[str] = set()
    for node in statements:
        if not isinstance(node, ast.ClassDef | _Function):
            continue
        name = f"{scope}{node.name}"
        decorators = [ast.unparse(item) for item in node.decorator_list]
        last_parts = {item.partition("(")[0].rpartition(".")[2] for item in decorators}
        if "overload" in last_parts and isinstance(node, _Function):
            overloads.setdefault(name, []).append("overload " + _signature(node, drop_first=bool(scope)))
        # A second definition of a name (for another platform, a property's setter) says what the first one said.
        if name in seen or last_parts & {"overload", "setter", "deleter"}:
            continue
        seen.add(name)
        yield _definition(node, name, bool(scope), decorators, overloads.pop(name, []))
        if isinstance(node, ast.ClassDef):
            yield from _definitions(list(_flatten(node.body)), f"{name}.")


def _definition(
    node: ast.ClassDef | _Function, name: str, in_class: bool, decorators: list[str], overloads: list[str]
) -> Definition:
    docstring, line, end = _docstring(node)
    kind: Literal["class", "function"] = "class" if isinstance(node, ast.ClassDef) else "function"
    if isinstance(node, ast.ClassDef):
        signature, stop = _class_signature(node), max(end, node.body[0].lineno - 1, node.lineno)
    else:
        is_property = any(item.rpartition(".")[2] in {"property", "cached_property"} for item in decorators)
        drop_first = in_class and "staticmethod" not in decorators
        signature, stop = "" if is_property else _signature(node, drop_first), node.end_lineno or node.lineno
    start = min([node.lineno, *(item.lineno for item in node.decorator_list)])
    notes = (*(f"@{item}" for item in decorators if len(item) <= 2 * _LONGEST_DEFAULT), *overloads)
    return Definition(kind, name, signature, docstring, start, stop, line, notes)


def _docstring(node: _Documented) -> tuple[str, int, int]:
    """The dedented docstring, the line of its first word, and the line it ends on; zeros where there is none."""
    first = node.body[0] if node.body else None
    if not (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    ):
        return "", 0, 0
    raw = first.value.value
    skipped = len(raw) - len(raw.lstrip())
    return inspect.cleandoc(raw), first.lineno + raw.count("\n", 0, skipped), first.end_lineno or first.lineno


def _signature(node: _Function, drop_first: bool) -> str:
    given = node.args
    positional, plain = list(given.posonlyargs), list(given.args)
    if drop_first and (positional or plain):
        (positional or plain).pop(0)
    # Positional defaults belong to the last arguments: one argument fewer may leave one default too many.
    spare = max(0, len(given.defaults) - len(positional) - len(plain))
    shown = ast.arguments(
        posonlyargs=positional,
        args=plain,
        vararg=given.vararg,
        kwonlyargs=given.kwonlyargs,
        kw_defaults=[item and _short(item) for item in given.kw_defaults],
        kwarg=given.kwarg,
        defaults=[_short(item) for item in given.defaults[spare:]],
    )
    text = f"({ast.unparse(shown)})"
    return f"{text} -> {ast.unparse(node.returns)}" if node.returns else text


def _short(default: ast.expr) -> ast.expr:
    return default if len(ast.unparse(default)) <= _LONGEST_DEFAULT else ast.Constant(...)


def _class_signature(node: ast.ClassDef) -> str:
    """What the class is called with: its initialiser's arguments, or a dataclass's fields."""
    methods = {item.name: item for item in node.body if isinstance(item, _Function)}
    for name in ("__init__", "__new__"):
        if name in methods:
            return _signature(methods[name], drop_first=True).partition(" -> ")[0]
    if any("dataclass" in ast.unparse(item) for item in node.decorator_list):
        fields = [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)]
        return f"({', '.join(fields)})"
    return ""


def _exports(statements: Sequence[ast.stmt]) -> frozenset[str] | None:
    names: set[str] = set()
    found = False
    for node in statements:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "__all__":
            value = getattr(node, "value", None)
            found = True
            names.update(
                item.value
                for item in getattr(value, "elts", [])
                if isinstance(item, ast.Constant) and isinstance(item.value, str)
            )
    return frozenset(names) if found and names else None


def _code(body: Sequence[ast.stmt], has_docstring: bool) -> Iterator[tuple[int, int]]:
    start = end = 0
    for node in body[1 if has_docstring else 0 :]:
        skip = isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef | _Function)
        if not skip:
            start, end = start or node.lineno, node.end_lineno or node.lineno
        elif start:
            yield start, end
            start = 0
    if start:
        yield start, end
