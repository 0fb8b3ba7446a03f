"""`/v1/sources`, `/v1/documents` and `/read` over HTTP, on the real services."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from askmesh_bot.app import create_app
from askmesh_bot.settings import Settings
from bot_mesh import Server, bot_settings, read_events, serving, until

HOSTILE = "# Notes <script>alert(1)</script>\n\nHow to frobnicate the widget: turn it twice.\n\n</code><img src=x onerror=alert(2)>\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "notes & more.md").write_text(HOSTILE)
    (docs / "other.md").write_text("# Other\n\nNothing of note.\n")
    return docs


@pytest.fixture
def start(
    tmp_path: Path, embeddings_server: Server, vectordb_server: Server, llm_server: Server
) -> Iterator[Callable[..., httpx2.Client]]:
    from contextlib import ExitStack

    with ExitStack() as stack:

        def go(**values: Any) -> httpx2.Client:
            settings: Settings = bot_settings(
                tmp_path,
                embeddings=embeddings_server.url,
                vectordb=vectordb_server.url,
                llm=llm_server.url,
                collection=f"routes-{tmp_path.name[-30:].replace('_', '-').lower().strip('-')}",
                **values,
            )
            server = stack.enter_context(serving(lambda: create_app(settings)))
            return stack.enter_context(httpx2.Client(base_url=server.url, timeout=100, trust_env=False))

        yield go


def learn(client: httpx2.Client, folder: Path, **values: Any) -> list[tuple[str, dict[str, Any]]]:
    body = {"kind": "folder", "location": str(folder), "stream": True, **values}
    with client.stream("POST", "/v1/sources", json=body) as response:
        assert response.status_code == 200, response.read()
        return read_events(list(response.iter_lines()))


def test_a_source_is_learned_listed_read_and_forgotten(start: Callable[..., httpx2.Client], folder: Path) -> None:
    client = start()
    assert client.get("/v1/sources").json() == {"data": []}
    events = learn(client, folder, title="My docs")
    assert events[-1][0] == "done"
    assert events[-1][1]["documents_done"] == 2
    assert all(name == "progress" for name, _ in events[:-1])
    (row,) = client.get("/v1/sources").json()["data"]
    assert (row["title"], row["status"], row["documents"]) == ("My docs", "ready", 2)
    detail = client.get(f"/v1/sources/{row['id']}").json()
    assert detail["last_run"]["state"] == "done"

    page = client.get("/v1/documents", params={"source": row["id"], "limit": 1}).json()
    assert [one["path"] for one in page["data"]] == ["notes & more.md"]
    rest = client.get("/v1/documents", params={"source": row["id"], "after": page["next"]}).json()
    assert [one["path"] for one in rest["data"]] == ["other.md"]
    assert rest["next"] is None

    found = client.post("/v1/ask", json={"question": "How do I frobnicate the widget?"}).json()
    url = found["passages"][0]["url"]
    assert "/notes%20%26%20more.md#L1-L5" in url
    shown = client.get(urlsplit(url).path, params={"line_start": 3})
    assert shown.status_code == 200
    assert '<div class="line marked" id="L3">' in shown.text
    assert "alert(1)" in shown.text
    assert "<script>alert" not in shown.text
    assert "<img" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]

    gone = client.delete(f"/v1/documents/{row['id']}/other.md").json()
    assert gone == {"id": "other.md", "deleted": True, "records": 1}
    assert client.delete(f"/v1/documents/{row['id']}/other.md").status_code == 404
    assert client.delete(f"/v1/sources/{row['id']}").json()["records"] >= 1
    assert client.get("/v1/sources").json() == {"data": []}
    after = client.post("/v1/ask", json={"question": "How do I frobnicate the widget?"}).json()
    assert after.get("passages", []) == []


def test_a_run_in_the_background_can_be_watched(start: Callable[..., httpx2.Client], folder: Path) -> None:
    client = start()
    begun = client.post("/v1/sources", json={"kind": "folder", "location": str(folder)})
    assert begun.status_code == 202
    source = begun.json()["source"]
    until(lambda: client.get(f"/v1/sources/{source}").json()["status"] == "ready")
    again = client.post(f"/v1/sources/{source}/sync", json={"stream": True})
    assert read_events(again.text.splitlines())[-1][1]["documents_changed"] == 0
    assert client.post(f"/v1/sources/{source}/sync").status_code == 202


def test_what_can_not_be_learned_is_said(start: Callable[..., httpx2.Client], folder: Path) -> None:
    client = start()
    cases = [
        ({"kind": "folder", "location": str(folder / "nope")}, 400, "invalid_source"),
        ({"kind": "python", "location": "no_such_package_x"}, 400, "invalid_source"),
        ({"kind": "folder", "location": str(folder), "link": "javascript:{path}"}, 400, "invalid_link"),
        ({"kind": "video", "location": str(folder)}, 400, "invalid_request"),
        ({"kind": "folder", "location": "a\0b"}, 400, "invalid_json"),
        ({"kind": "folder", "location": "x" * 4096}, 400, "invalid_source"),
        ({"kind": "python", "location": "x" * 4096}, 400, "invalid_source"),
        ({"kind": "tree", "location": "~nobody-of-this-name/x"}, 400, "invalid_source"),
    ]
    for body, status, code in cases:
        answer = client.post("/v1/sources", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    for path in ("/v1/sources/nope", "/v1/documents?source=nope", "/read/a/b/c.md"):
        assert client.get(path).status_code == 404
    assert client.delete("/v1/sources/nope").json()["code"] == "source_not_found"
    gone = client.get("/read/a/b/<i>c.md").text
    assert "This document is not here" in gone
    assert "&lt;i&gt;c.md" in gone


def test_only_the_named_folders_may_be_learned(start: Callable[..., httpx2.Client], folder: Path) -> None:
    client = start(learn_roots=[folder])
    (folder / "inside").mkdir()
    assert client.post("/v1/sources", json={"kind": "folder", "location": str(folder / "inside")}).status_code == 202
    for outside in (folder.parent, folder / "inside" / ".." / "..", "/etc"):
        refused = client.post("/v1/sources", json={"kind": "folder", "location": str(outside)})
        assert (refused.status_code, refused.json()["code"]) == (403, "outside_learn_roots")
    for path in ("/etc", "~/x.py", str(folder.parent / "m.py")):
        assert client.post("/v1/sources", json={"kind": "python", "location": path}).status_code == 403
    assert client.post("/v1/sources", json={"kind": "python", "location": "textwrap"}).status_code == 202


def test_learning_needs_the_write_scope(start: Callable[..., httpx2.Client], folder: Path) -> None:
    client = start(api_keys="reader=read,writer=write")
    body = {"kind": "folder", "location": str(folder)}
    assert client.post("/v1/sources", json=body).status_code == 401
    assert client.get("/v1/sources").status_code == 401
    reader = {"Authorization": "Bearer reader"}
    assert client.post("/v1/sources", json=body, headers=reader).status_code == 403
    assert client.get("/v1/sources", headers=reader).status_code == 200
    assert client.post("/v1/sources", json=body, headers={"Authorization": "Bearer writer"}).status_code == 202


def test_a_source_for_a_few_is_in_no_public_answer_page_or_list(
    start: Callable[..., httpx2.Client], folder: Path
) -> None:
    client = start(api_keys="all,reads=read")
    client.headers["Authorization"] = "Bearer all"
    events = learn(client, folder, options={"audience": ["role:7"]})
    assert events[-1][0] == "done"
    source = events[-1][1]["source"]
    documents = client.get("/v1/documents", params={"source": source}).json()["data"]
    assert len(documents) == 2
    collection = client.get(f"/v1/sources/{source}").json()["collection"]
    read = f"/read/{collection}/{source}/other.md"
    assert client.get(read).status_code == 404  # the page can't tell who looks at it
    assert client.get("/v1/examples").json() == {"examples": [], "sources": []}
    answer = client.post("/v1/ask", json={"question": "How to frobnicate the widget?"}).json()
    assert (answer["outcome"], answer["passages"]) == ("abstained", [])

    client.headers["Authorization"] = "Bearer reads"
    assert client.get("/v1/sources").json()["data"] == []
    assert client.get(f"/v1/sources/{source}").status_code == 404
    assert client.get("/v1/documents", params={"source": source}).status_code == 404

    client.headers["Authorization"] = "Bearer all"
    assert learn(client, folder)[-1][1]["documents_changed"] == 0  # learned again, it stays as it is
    opened = learn(client, folder, options={"audience": ["public"]})[-1][1]
    assert (opened["documents_changed"], opened["chunks_embedded"]) == (2, 0)
    client.headers["Authorization"] = "Bearer reads"
    assert client.get(read).status_code == 200
    assert "What is Other about?" in client.get("/v1/examples").json()["examples"]
    answer = client.post("/v1/ask", json={"question": "How to frobnicate the widget?"}).json()
    assert answer["passages"]


def test_what_is_no_label_is_refused(start: Callable[..., httpx2.Client], folder: Path) -> None:
    client = start()
    for wrong in ("role 7", "Role:7", "role:", "a" * 40, ""):
        body = {"kind": "folder", "location": str(folder), "options": {"audience": [wrong]}}
        assert client.post("/v1/sources", json=body).status_code == 400, wrong
