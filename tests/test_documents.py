"""The guides and the deployment files name only what exists: variables, files, headings, make targets."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "libs/*/*.md", "services/*/*.md", "evals/*.md")
    for path in ROOT.glob(pattern)
)
DEPLOYMENT = [
    ROOT / "compose.yaml",
    ROOT / ".env.example",
    *ROOT.glob("deploy/*.env"),
    *ROOT.glob("services/*/Dockerfile"),
]
SETTINGS = [
    "askmesh_embeddings.settings",
    "askmesh_vectordb.settings",
    "askmesh_llm.settings",
    "askmesh_bot.settings",
    "askmesh_bot.frontends.shell.settings",
    "askmesh_bot.frontends.discord.settings",
]
# Read by the tests' own set-up.
OTHERS = {"ASKMESH_CHROMIUM", "ASKMESH_LONG_TESTS", "ASKMESH_SOAK_MINUTES"} | {
    f"ASKMESH_TEST_{name}"
    for name in ("PINECONE_OPENAPI", "PINECONE_API_KEY", "POSTGRES_URL", "QDRANT_URL", "REDIS_URL", "CHROMA_URL")
}


def known_variables() -> set[str]:
    """Every variable that some settings class reads."""
    found = set(OTHERS)
    for name in SETTINGS:
        classes = [value for value in vars(import_module(name)).values() if isinstance(value, type)]
        for settings in classes:
            if issubclass(settings, BaseSettings):
                prefix = settings.model_config.get("env_prefix", "")
                found |= {f"{prefix}{field}".upper() for field in settings.model_fields}
    return found


def own_variables_of_compose() -> set[str]:
    """Those that compose.yaml itself gives a meaning: `${NAME:-default}`."""
    return set(re.findall(r"\$\{(ASKMESH_[A-Z0-9_]+)", (ROOT / "compose.yaml").read_text()))


@pytest.mark.parametrize("path", [*PAGES, *DEPLOYMENT], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_named_exists(path: Path) -> None:
    known = known_variables() | own_variables_of_compose()
    named = set(re.findall(r"\bASKMESH_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?![_…<*])", path.read_text()))
    assert {name for name in named if name not in known} == set()


def test_compose_sets_only_what_a_service_reads() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assigned = set(re.findall(r"^ +(ASKMESH_[A-Z0-9_]+):", text, re.MULTILINE))
    assert len(assigned) > 20
    assert assigned - known_variables() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", without_code(page.read_text())):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_every_make_command_named_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", makefile, re.MULTILINE))
    targets = {name for line in targets for name in line.split()}
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    named |= set(re.findall(r"^\$ make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert {"up", "ask", "test"} <= named
    assert named - targets == set()


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get on GitHub."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
