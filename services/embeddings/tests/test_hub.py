"""Models by id, from a hub on loopback: what is fetched, what is left there, whose code runs."""

import hashlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.encoders.registry import load_encoder

pytestmark = pytest.mark.models

COMMIT = "c0ffee" + "0" * 34


class Hub(ThreadingHTTPServer):
    """As much of the hub's API as snapshot_download speaks, over folders: {"owner/name": folder}."""

    def __init__(self, repositories):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories, self.fetched = repositories, []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0].removeprefix("/api/models/").strip("/")
        for name, folder in self.server.repositories.items():
            if not path.startswith(name):
                continue
            rest = path.removeprefix(name).strip("/")
            if rest.startswith("resolve/"):
                return self._file(folder / rest.split("/", 2)[2])
            files = [each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()]
            if rest.startswith("tree/"):
                return self._json([{"type": "file", "path": each, "size": 1, "oid": "0"} for each in files])
            return self._json({"id": name, "sha": COMMIT, "siblings": [{"rfilename": each} for each in files]})
        return self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

    def _file(self, path):
        if not path.is_file():
            return self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        content = path.read_bytes()
        if self.command == "GET":
            self.server.fetched.append(path.name)
        etag = hashlib.sha256(content).hexdigest()
        return self._answer(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _json(self, body):
        return self._answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _answer(self, status, content, headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    tiny_models = pytest.importorskip("tiny_models")
    import huggingface_hub

    folder = tiny_models.save_bert(tmp_path / "bert")
    server = Hub({"owner/bert": folder})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    yield server, folder
    server.shutdown()
    thread.join()
    server.server_close()


def load(**options):
    return load_encoder("sentence-transformers", EncoderOptions(model="owner/bert", device="cpu", **options))


def test_a_model_by_id_equals_the_folder_it_was_uploaded_from(hub):
    server, folder = hub
    (folder / "evil.py").write_text("raise SystemExit")
    shutil.copy(folder / "config.json", folder / "pytorch_model.bin")
    encoder = load(revision=COMMIT)
    local = load_encoder("sentence-transformers", EncoderOptions(model=str(folder), device="cpu"))
    tokens = encoder.tokenize(["How do I read a file?"], None, truncate=True)
    assert (encoder.encode(tokens) == local.encode(tokens)).all()
    assert encoder.info.model == "owner/bert"
    assert "model.safetensors" in server.fetched
    assert not {"evil.py", "pytorch_model.bin"} & set(server.fetched)


def test_a_commit_identifies_the_weights(hub):
    assert load(revision=COMMIT).info.fingerprint == load().info.fingerprint


def test_a_repository_with_pickles_only_is_refused(hub):
    _, folder = hub
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load()


def test_code_of_the_repository_runs_only_with_both_commits(hub, tmp_path):
    _, folder = hub
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(
        f"open({str(ran)!r}, 'w').close()\n"
        "from sentence_transformers.models import Normalize\n"
        "class OwnNormalize(Normalize):\n    pass\n"
    )
    modules = json.loads((folder / "modules.json").read_text())
    modules[2]["type"] = "own.OwnNormalize"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Normalize" / "config.json").write_text("{}")
    with pytest.raises(EncoderError, match="OwnNormalize is not one of"):
        load(revision=COMMIT)
    assert not ran.exists()
    assert load(revision=COMMIT, code_revision=COMMIT).info.dimension == 64
    assert ran.exists()


def test_an_unknown_id_says_so(hub):
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder("sentence-transformers", EncoderOptions(model="owner/nothing", device="cpu"))
