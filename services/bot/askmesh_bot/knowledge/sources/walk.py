"""Finds and reads the files of a source. Symbolic links are not followed, so nothing outside the root is read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from askmesh_bot.knowledge.base import SourceUnavailable
from askmesh_bot.knowledge.sources.ignore import IgnoreRules, matches, skipped_by_default
from askmesh_bot.knowledge.sources.spec import SourceOptions

# A NUL this early means that it is not text.
_SNIFFED_BYTES = 8192


def find_files(root: Path, suffixes: frozenset[str], options: SourceOptions) -> list[str]:
    """Paths relative to `root`, with `/`, sorted. Raises SourceUnavailable for a root that can't be read."""
    if not root.is_dir():
        raise SourceUnavailable(f"{root} is not a folder that can be read")
    found = sorted(_walk(root, suffixes, options))
    if len(found) > options.max_documents:
        raise SourceUnavailable(
            f"{root} holds {len(found)} documents, {options.max_documents} are allowed: learn a part of it, exclude "
            "some, or raise ASKMESH_LEARNING_MAX_DOCUMENTS"
        )
    return found


def read_text(root: Path, path: str, options: SourceOptions) -> str | None:
    """The text of a file, whatever its bytes; None for one that is gone, too large, no plain file, or not text.

    Raises SourceUnavailable where the file is there but can't be read: it must not count as deleted.
    """
    file = root / path
    try:
        kept = file.lstat()
        # Reading a named pipe or a device could take for ever.
        if not stat.S_ISREG(kept.st_mode) or kept.st_size > options.max_file_bytes:
            return None
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceUnavailable(f"{as_text(path)} can't be read: {error.strerror or error}") from error
    if b"\0" in data[:_SNIFFED_BYTES]:
        return None
    text = data.decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def as_text(path: str) -> str:
    """A path as it can be shown and kept: names are bytes, and not all of them are text."""
    return os.fsencode(path).decode(errors="replace")


def _walk(root: Path, suffixes: frozenset[str], options: SourceOptions) -> Iterator[str]:
    rules = IgnoreRules.read(root)

    def fail(error: OSError) -> None:
        raise SourceUnavailable(f"{as_text(error.filename)} can't be read: {error.strerror}") from error

    for folder, directories, files in os.walk(root, followlinks=False, onerror=fail):
        here = Path(folder)
        inside = "" if here == root else here.relative_to(root).as_posix() + "/"
        directories[:] = [name for name in directories if not _is_left_out(inside + name, True, rules, options)]
        for name in files:
            path = inside + name
            if Path(name).suffix.lower() not in suffixes or _is_left_out(path, False, rules, options):
                continue
            if not (here / name).is_symlink():
                yield path


def _is_left_out(path: str, is_directory: bool, rules: IgnoreRules, options: SourceOptions) -> bool:
    if options.exclude and matches(path, options.exclude):
        return True
    if not is_directory and options.include:
        return not matches(path, options.include)
    name = path.rpartition("/")[2]
    # A folder that is asked for by name is entered even if it would be skipped.
    if any(glob.startswith(f"{path}/") for glob in options.include):
        return False
    return skipped_by_default(name, is_directory) or rules.ignores(path, is_directory)
