"""A Python package's docstrings and signatures, read from its files: nothing of it is imported."""

import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from askmesh_bot.knowledge.base import Source
from askmesh_bot.knowledge.sources.files import PYTHON_SUFFIXES, FilesSource
from askmesh_bot.knowledge.sources.spec import InvalidSource, SourceSpec

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def python_source(spec: SourceSpec) -> Source:
    """A package or module by its import name, or by the path of its folder or file. Raises InvalidSource."""
    path = Path(spec.location)
    if not (path.is_dir() or path.suffix == ".py"):
        path = locate(spec.location)
    if not path.exists():
        raise InvalidSource(f"{spec.location} is not there on the machine that the bot runs on")
    if path.is_dir() and not (path / "__init__.py").is_file():
        # A folder around packages, such as src/.
        return FilesSource(spec, path, PYTHON_SUFFIXES)
    return FilesSource(spec, path.parent, PYTHON_SUFFIXES, within=path.name)


def locate(name: str) -> Path:
    """The folder or file of a module, found the way `import` does but without importing. Raises InvalidSource."""
    if not _NAME.fullmatch(name):
        raise InvalidSource(f"{name} is neither a folder on the bot's machine nor a package's name")
    top, *rest = name.split(".")
    # PathFinder, not find_spec: modules frozen into the interpreter have their source on the path all the same.
    spec = PathFinder.find_spec(top, sys.path)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise InvalidSource(f"no Python source of {top} is installed where the bot runs")
    path = Path(spec.origin)
    path = path.parent if path.name == "__init__.py" else path
    for part in rest:
        path = path / part if (path / part).is_dir() else path / f"{part}.py"
    if not path.exists():
        raise InvalidSource(f"{name} is not in the installed {top}")
    return path
