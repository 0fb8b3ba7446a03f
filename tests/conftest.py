"""One mesh for all tests of this folder: four real processes that have learned a small real corpus."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
# At the end: `conftest` must not come to mean this file where another part's tests import their own.
sys.path += [str(HERE), str(HERE.parent)]

from running_mesh import RunningMesh  # noqa: E402 - found through the path set above

HANDBOOK = {
    "welcome.md": """# Community handbook

## Office hours
Maintainers hold office hours every Thursday at 15:00 UTC in the voice channel *lounge*. Bring any question.

## Releases
Version 4.2 was released on 3 March. Patch releases follow every second Tuesday.
""",
    "guides/quota.md": """# Storage quota

Each project gets 250 GB of storage. To ask for more, open a ticket with the label `quota` and name the project.

```python
client.projects.get("demo").request_quota(gigabytes=500)
```
""",
}


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[RunningMesh]:
    running = RunningMesh(tmp_path_factory.mktemp("mesh"), free_port)
    try:
        started = running.up()
        assert started.returncode == 0, started.stdout + started.stderr
        handbook = running.directory / "handbook"
        for name, text in HANDBOOK.items():
            path = handbook / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        running.learn("folder", str(handbook))
        running.learn("python", "pathlib")
        running.learn("python", "json")
        yield running
    finally:
        running.close()


@pytest.fixture
def another_mesh(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., RunningMesh]]:
    """`another_mesh(VARIABLE="value")`: a mesh that is not started yet, and is stopped after the test."""
    meshes: list[RunningMesh] = []

    def make(**variables: str) -> RunningMesh:
        meshes.append(RunningMesh(tmp_path, free_port, **variables))
        return meshes[-1]

    yield make
    for made in meshes:
        made.close()


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        if {"mesh", "another_mesh"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.mesh)
            # Starting the mesh and learning the corpus count towards the first test that needs them.
            item.add_marker(pytest.mark.timeout(900))
