"""Processes that stand still."""

import os
import signal
import time
from pathlib import Path


def stop(process: int) -> None:
    """Return when it does nothing any more."""
    os.kill(process, signal.SIGSTOP)
    status = Path(f"/proc/{process}/stat")
    # The state comes after the name, which is in brackets.
    while status.exists() and status.read_text().rpartition(")")[2].split()[0] not in "TZ":
        time.sleep(0.001)


def go_on(process: int) -> None:
    os.kill(process, signal.SIGCONT)
