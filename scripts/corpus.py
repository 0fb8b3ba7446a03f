"""The first thing the mesh learns, so that there is something to ask about: askmesh's own documentation and the docstrings
of some standard-library packages."""

from mesh import Mesh


def learn(mesh: Mesh) -> None:
    """Bring the first corpus up to date."""
