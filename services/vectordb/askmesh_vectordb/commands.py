"""The maintenance commands of `askmesh-vectordb`: check, repair, backup, restore."""

import sys
import time
from pathlib import Path

from askmesh_kit.errors import ServiceError

from askmesh_vectordb.settings import Settings
from askmesh_vectordb.stores.local.backup import Backups
from askmesh_vectordb.stores.local.maintenance import Checker, Report, forget_snapshots


class ProgressLine:
    """One line on standard error that is written over; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if sys.stderr.isatty() and (done == total or time.monotonic() - self._last > 0.1):
            self._last = time.monotonic()
            share = done / total if total else 1.0
            bar = "#" * round(20 * share)
            sys.stderr.write(f"\r\x1b[K{what[:50]:50s} [{bar:20s}] {share:4.0%}")
            sys.stderr.flush()

    def end(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def run(command: str, data_path: Path | None, file: Path | None) -> int:
    """Exit status: 0 when all is well, 1 when something is wrong with the store, 2 when it could not be done."""
    settings = Settings()
    folder, progress = data_path or settings.data_path, ProgressLine()
    backups = Backups(folder, progress, settings.local_busy_timeout_s)
    checker = Checker(folder, progress, settings.local_busy_timeout_s)
    try:
        if command == "backup":
            assert file is not None
            said, status = f"{backups.backup(file)} indexes are in {file}", 0
        elif command == "restore":
            assert file is not None
            said, status = f"{backups.restore(file)} indexes are in {folder}", 0
        else:
            said, status = _checked(checker, repair=command == "repair")
            if command == "repair":
                forget_snapshots(folder)
    except ServiceError as error:
        said, status = error.message, 2
    except OSError as error:
        said, status = f"{error.filename}: {error.strerror}", 2
    progress.end()
    sys.stdout.write(said + "\n")
    return status


def _checked(checker: Checker, *, repair: bool) -> tuple[str, int]:
    found = checker.check(repair=repair)
    if repair:
        # What counts is how it is now.
        mended = {report.name for report in found if report.problems and not report.fatal}
        found = checker.check()
        lines = [_line(report) + (" (repaired)" if report.name in mended else "") for report in found]
    else:
        lines = [_line(report) for report in found]
    wrong = [report for report in found if report.problems or report.fatal]
    if any(report.fatal for report in wrong):
        lines.append("Some of it cannot be repaired: restore a backup.")
    elif wrong:
        lines.append("It can be repaired: askmesh-vectordb repair")
    return "\n".join(lines or ["There are no indexes."]), 1 if wrong else 0


def _line(report: Report) -> str:
    told = "; ".join(report.fatal + report.problems) or "in order"
    return f"{report.name}: {report.records} records, {told}"
