"""Which files of a folder are left out: tool directories, tests, and what its `.gitignore` names."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

# Directories that hold no documentation of their own.
SKIPPED_DIRECTORIES = frozenset(
    {
        *("node_modules", "__pycache__", "venv", "env", "site-packages", "build", "dist", "htmlcov"),
        *("_build", "_static", "_templates", "tests", "test", "requirements"),
    }
)
_SKIPPED_FILES = (
    "test_*.py",
    "*_test.py",
    "conftest.py",
    "setup.py",
    "_version.py",
    "*.min.*",
    "requirements*.txt",
    "robots.txt",
)


class IgnoreRules:
    """gitignore's patterns: `name`, `*.ext`, `folder/`, `/rooted/path`, `!kept`. The last that matches decides."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules: list[tuple[str, bool, bool, bool]] = []
        for line in patterns:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            kept = text.startswith("!")
            text = text.lstrip("!")
            directory = text.endswith("/")
            rooted = "/" in text.rstrip("/")
            self._rules.append((text.strip("/"), kept, directory, rooted))

    @classmethod
    def read(cls, root: Path) -> "IgnoreRules":
        """The rules of a folder's own `.gitignore`, if it has one."""
        file = root / ".gitignore"
        try:
            return cls(file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else [])
        except OSError:
            return cls([])

    def ignores(self, path: str, is_directory: bool) -> bool:
        """Whether a path relative to the root is ignored; its parents are asked about on their own."""
        ignored = False
        for pattern, kept, directory, rooted in self._rules:
            if directory and not is_directory:
                continue
            subject = path if rooted else path.rpartition("/")[2]
            if fnmatchcase(subject, pattern) or ("**/" in pattern and matches(path, [pattern])):
                ignored = not kept
        return ignored


def matches(path: str, globs: Sequence[str]) -> bool:
    """Whether a relative path matches one of the globs; `**/` stands for any number of folders, also none."""
    return any(
        fnmatchcase(path, glob)
        or ("**/" in glob and fnmatchcase(path, glob.replace("**/", "")))
        or ("/" not in glob and fnmatchcase(PurePosixPath(path).name, glob))
        or path.startswith(glob.rstrip("/") + "/")
        for glob in globs
    )


def skipped_by_default(name: str, is_directory: bool) -> bool:
    """Whether a file or directory of this name is left out unless it is asked for."""
    if name.startswith("."):
        return True
    if is_directory:
        return name in SKIPPED_DIRECTORIES or name.endswith(".egg-info")
    return any(fnmatchcase(name, pattern) for pattern in _SKIPPED_FILES)
