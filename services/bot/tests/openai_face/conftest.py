"""The real app with a scripted assistant behind it on loopback, and OpenAI's own SDK in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from ..web.site_app import Site, start_site


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the running bot keeps its database."""
    return tmp_path_factory.mktemp("openai")


@pytest.fixture(scope="session")
def running_face(face_folder: Path) -> Iterator[Site]:
    with start_site(face_folder, public_url="https://ask.example.org") as running:
        yield running


@pytest.fixture
def face(running_face: Site) -> Site:
    """The running bot, with no script left over from another test."""
    running_face.assistant.scripts.clear()
    running_face.assistant.asked.clear()
    return running_face


@pytest.fixture
def client(face: Site) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{face.url}/v1", api_key="none needed", max_retries=0) as client:
        yield client
