"""Sources find the files they should, and nothing outside their root."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from askmesh_bot.knowledge.base import Document, SourceUnavailable
from askmesh_bot.knowledge.chunking import ChunkLimits, chunk
from askmesh_bot.knowledge.sources.ignore import IgnoreRules
from askmesh_bot.knowledge.sources.python import locate
from askmesh_bot.knowledge.sources.registry import make_source
from askmesh_bot.knowledge.sources.spec import (
    InvalidSource,
    SourceOptions,
    SourceSpec,
    fill_link,
    link_problem,
    source_id,
)


def spec(kind: str, location: object, **options: object) -> SourceSpec:
    return SourceSpec(source_id("c", kind, str(location)), "c", kind, str(location), "T", "", SourceOptions(**options))


def documents(wanted: SourceSpec) -> list[Document]:
    async def collect() -> list[Document]:
        return [document async for document in make_source(wanted).documents()]

    return asyncio.run(collect())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "README.md": "# Read me\n\nhello",
        "docs/guide.rst": "Guide\n=====\n\ntext",
        "docs/notes.txt": "notes",
        "docs/_build/out.txt": "built",
        "docs/secret.txt": "ignored",
        "src/pkg/__init__.py": "from .inner import work",
        "src/pkg/inner.py": 'def work():\n    """Works."""',
        "src/pkg/tests/test_it.py": "def test(): pass",
        ".git/config.txt": "hidden",
        "node_modules/x/readme.md": "# no",
        "pyproject.toml": '[project]\nrequires-python = ">=3.10"',
        ".gitignore": "secret.*\n# comment\n/rooted.md\n*.log\n!keep.log",
        "rooted.md": "x",
        "sub/rooted.md": "# Kept",
    }
    for name, text in files.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


def test_a_folder_gives_its_documents(tree: Path) -> None:
    found = {document.path: document for document in documents(spec("folder", tree))}
    assert sorted(found) == ["README.md", "docs/guide.rst", "docs/notes.txt", "sub/rooted.md"]
    assert found["docs/guide.rst"].title == "Guide"
    assert found["docs/notes.txt"].title == "notes"


def test_a_tree_gives_code_and_project_data_too(tree: Path) -> None:
    found = {document.path: document for document in documents(spec("tree", tree))}
    assert {"src/pkg/inner.py", "pyproject.toml", "docs/guide.rst"} <= set(found)
    assert "src/pkg/tests/test_it.py" not in found
    assert found["src/pkg/inner.py"].sections[0].symbol == "pkg.work"
    assert found["pyproject.toml"].sections[0].breadcrumbs == ("project",)


def test_globs_choose(tree: Path) -> None:
    included = [document.path for document in documents(spec("folder", tree, include=("docs/*",)))]
    assert "docs/guide.rst" in included
    assert "README.md" not in included
    excluded = [document.path for document in documents(spec("folder", tree, exclude=("docs", "*.md")))]
    assert excluded == []


def test_symbolic_links_are_not_followed(tree: Path) -> None:
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "private.md").write_text("# Private")
    (tree / "link.md").symlink_to(outside / "private.md")
    (tree / "linked").symlink_to(outside)
    assert not any("Private" in document.text for document in documents(spec("folder", tree)))


def test_any_bytes_are_survived(tree: Path) -> None:
    (tree / "latin.txt").write_bytes("caf\xe9 \r\nzwei".encode("latin-1"))
    (tree / "binary.txt").write_bytes(b"\x00\x01\x02")
    (tree / "bom.md").write_bytes(b"\xef\xbb\xbf# Title\n\nx")
    (tree / "empty.md").write_bytes(b" \n")
    (tree / "large.txt").write_bytes(b"x" * 5000)
    found = {document.path: document for document in documents(spec("folder", tree, max_file_bytes=4000))}
    assert found["latin.txt"].text == "caf� \nzwei"
    assert found["bom.md"].title == "Title"
    assert not {"binary.txt", "empty.md", "large.txt"} & set(found)


def test_any_names_are_survived(tree: Path) -> None:
    for name in (b"caf\xe9.md", b"caf\xe8.md", b"m\xff.py"):
        with open(os.fsencode(tree) + b"/" + name, "wb") as file:
            file.write(b'# Name\n\n"""Text."""\n')
    found = [document for document in documents(spec("tree", tree)) if "\ufffd" in document.path]
    assert [document.path for document in found] == ["caf\ufffd.md", "caf\ufffd.md", "m\ufffd.py"]
    assert len({document.id for document in found}) == 3
    for document in found:
        kept = (document.id, document.title, document.path, *(section.symbol for section in document.sections))
        "".join(kept).encode()  # fails for what a database or JSON can't hold


def test_a_named_pipe_does_not_hold_up_the_rest(tree: Path) -> None:
    os.mkfifo(tree / "pipe.md")
    (tree / ".gitignore").unlink()
    os.mkfifo(tree / ".gitignore")
    # In a process of its own, which can be ended: a thread that waits for a pipe can't be.
    code = "import sys, test_sources as t; print(*(d.path for d in t.documents(t.spec('folder', sys.argv[1]))))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tree)], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=100
    )
    paths = done.stdout.split()
    assert "README.md" in paths, done.stderr
    assert "pipe.md" not in paths


def test_a_root_that_is_gone_is_not_an_empty_source(tree: Path) -> None:
    source = make_source(spec("folder", tree / "docs"))
    for file in sorted((tree / "docs").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    (tree / "docs").rmdir()
    with pytest.raises(SourceUnavailable):
        asyncio.run(source.total())


def test_too_many_documents_are_refused(tree: Path) -> None:
    with pytest.raises(SourceUnavailable, match="2 are allowed"):
        documents(spec("folder", tree, max_documents=2))


def test_modules_are_found_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "explosive.py").write_text('"""Boom."""\nraise SystemExit("imported")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert documents(spec("python", "explosive"))[0].title == "explosive"
    assert [document.title for document in documents(spec("python", "pathlib"))] == ["pathlib"]
    titles = {document.title for document in documents(spec("python", "json"))}
    assert {"json", "json.decoder", "json.encoder"} <= titles
    assert locate("os").name == "os.py"
    assert locate("asyncio.tasks").name == "tasks.py"


@pytest.mark.parametrize(
    ("kind", "location"),
    [
        ("folder", "/nowhere/at/all"),
        ("python", "no_such_package_x"),
        ("python", "../x"),
        ("python", "sys"),
        ("magic", "."),
    ],
)
def test_what_is_not_there_is_refused(kind: str, location: str) -> None:
    with pytest.raises(InvalidSource):
        make_source(spec(kind, location))


def test_links_follow_the_template(tree: Path) -> None:
    wanted = spec("folder", tree)
    document = documents(wanted)[1]
    one = chunk(document, "T", ChunkLimits.for_encoder(256, 400))[0]
    assert make_source(wanted).link(document, one) == f"/read/c/{wanted.id}/docs/guide.rst#L1-L4"
    templated = SourceSpec(
        "id", "c", "folder", str(tree), "T", "https://h/b/main/{path}?plain=1#L{line_start}-L{line_end}"
    )
    assert fill_link(templated, "a b.md", 3, 9, "", "") == "https://h/b/main/a%20b.md?plain=1#L3-L9"
    assert link_problem("https://h/{path}#{anchor}") == ""
    assert "0" in link_problem("https://h/{0}")
    assert "malformed" in link_problem("https://h/{path")
    assert "begin with" in link_problem("javascript:alert(1)//{path}")


def test_gitignore_rules_end_with_the_last_that_matches() -> None:
    rules = IgnoreRules(["*.log", "!keep.log", "build/", "/docs/*.tmp"])
    assert rules.ignores("a/x.log", False)
    assert not rules.ignores("a/keep.log", False)
    assert rules.ignores("build", True)
    assert not rules.ignores("build", False)
    assert rules.ignores("docs/x.tmp", False)


def test_ids_are_stable_and_differ_by_collection() -> None:
    assert source_id("a", "folder", "/x/My Docs") == source_id("a", "folder", "/x/My Docs")
    assert source_id("a", "folder", "/x/My Docs") != source_id("b", "folder", "/x/My Docs")
    assert source_id("a", "folder", "/x/My Docs").startswith("my-docs-")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_fails_the_source(tree: Path) -> None:
    (tree / "README.md").chmod(0)
    with pytest.raises(SourceUnavailable, match=r"README\.md"):
        documents(spec("folder", tree))
