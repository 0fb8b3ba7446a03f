"""The first thing the mesh learns, so that there is something to ask about: askmesh's own documentation and the docstrings
of some standard-library packages."""

import subprocess
import sys
from pathlib import Path

from mesh import ROOT, Mesh

PACKAGES = ("pathlib", "json", "asyncio", "argparse", "collections", "subprocess", "sqlite3", "tempfile", "shutil")
DOCUMENTATION = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**/*.md",
    "libs/*/README.md",
    "services/*/README.md",
)


def learn(mesh: Mesh) -> None:
    """Learn the first corpus with a progress bar; later only what changed in it, which takes a moment."""
    marker = mesh.state / "first-corpus-learned"
    first = not marker.exists()
    if first:
        print(f"\nLearning a first corpus: askmesh's documentation, and the docstrings of {', '.join(PACKAGES)}.")
    documentation = [part for pattern in DOCUMENTATION for part in ("--include", pattern)]
    _run(mesh, ["learn", str(ROOT), "--kind", "folder", "--title", "askmesh", *documentation], shown=first)
    _run(mesh, ["learn", "--kind", "python", *PACKAGES], shown=first)
    marker.touch()


def _run(mesh: Mesh, arguments: list[str], *, shown: bool) -> None:
    command = [str(Path(sys.executable).with_name("askmesh")), *arguments]
    finished = subprocess.run(
        command, cwd=mesh.directory, env=mesh.environment(), check=False, capture_output=not shown, text=True
    )
    if finished.returncode:
        print(finished.stderr or "")
        raise SystemExit("The first corpus could not be learned; the services are up. To try again: make up")
