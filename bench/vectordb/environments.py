"""Virtual environments for peers whose packages the project does not carry, made once."""

import subprocess
import sys
from collections.abc import Sequence

from bench.embeddings.peers import CACHE, Unavailable


def own_environment(name: str, packages: Sequence[str]) -> str:
    """The path of its Python. Raises Unavailable where it cannot be made."""
    venv = CACHE / "-".join([name, *(package.partition("==")[2] for package in packages if "==" in package)])
    python, done = venv / "bin" / "python", venv / "complete"
    if not done.exists():
        venv.parent.mkdir(parents=True, exist_ok=True)
        for step in (
            [sys.executable, "-m", "venv", "--clear", str(venv)],
            [str(python), "-m", "pip", "install", "-q", *packages],
        ):
            ran = subprocess.run(step, capture_output=True, text=True, check=False)
            if ran.returncode:
                raise Unavailable(f"cannot be installed: {ran.stderr.strip()[-300:]}")
        done.touch()
    return str(python)
