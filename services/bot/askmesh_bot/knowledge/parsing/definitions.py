"""What a Python module defines, read from its text. Nothing is imported or executed."""

import ast
import warnings
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Definition:
    """A module, class or function with what is documented of it. Lines are 1-based and inclusive."""

    kind: Literal["module", "class", "function"]
    name: str  # dotted, without the module: `Path.read_text`; empty for the module itself
    signature: str  # `(encoding=None, errors=None)`; empty where there is nothing to call
    docstring: str  # dedented, one line per source line
    line_start: int
    line_end: int
    docstring_line: int = 0
    # Decorators and overloads as source text: `@classmethod`, `overload (x: int) -> int`.
    notes: tuple[str, ...] = ()

    @property
    def public(self) -> bool:
        """Whether no part of the name is private; documented special methods count as public."""
        return not any(
            part.startswith("_") and not (self.docstring and part.startswith("__") and part.endswith("__"))
            for part in self.name.split(".")
        )


@dataclass(frozen=True)
class ModuleOutline:
    """The definitions of one module in source order, the module itself first."""

    definitions: tuple[Definition, ...]
    exports: frozenset[str] | None  # `__all__`, where it is a plain list
    # Line ranges of module-level statements other than imports, definitions and the docstring.
    code: tuple[tuple[int, int], ...] = ()


def read_module(text: str) -> ModuleOutline:
    """The outline of a module. Syntax that this Python does not know yet is read by an error-tolerant parser."""
    from askmesh_bot.knowledge.parsing import python_ast, python_tolerant

    try:
        with warnings.catch_warnings():
            # The text's own faults (an invalid escape, `is` with a literal) are not ours to report.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return python_tolerant.outline(text)
    return python_ast.outline(tree)
