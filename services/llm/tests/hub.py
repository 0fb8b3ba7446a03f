"""A loopback server that speaks the hub's endpoints, and breaks off, stalls or damages what it sends when told to."""

import hashlib
import http.server
import json
import pathlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MODEL = "askmesh-tests/tiny-phi-3"
COMMIT = "c0ffee" + "0" * 34
LARGE = "large.safetensors"


class Hub:
    """Serves the files of a folder as one model. `large` is one more file of 25 MB, so that parts of it are seen."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.files[LARGE] = hashlib.sha256(b"seed").digest() * (25 * 1024 * 1024 // 32)
        self.files |= {"pytorch_model.bin": b"pickled", "modeling_evil.py": b"import os"}
        self.asked: list[tuple[str, str]] = []
        # What to do with the next transfer of LARGE: after how many bytes to break off or stall, or to damage it.
        self.break_at = self.stall_at = 0
        self.damages = 0
        self.stalled, self.resume = threading.Event(), threading.Event()
        self.url = ""

    def info(self) -> bytes:
        siblings = []
        for name, content in self.files.items():
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": git}
            if name.endswith(".safetensors"):
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
            siblings.append(entry)
        return json.dumps({"id": MODEL, "sha": COMMIT, "siblings": siblings}).encode()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Run the hub in a thread; its address is `hub.url`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            hub.asked.append((self.path.partition("?")[0], wanted))
            if self.path.startswith(f"/api/models/{MODEL}"):
                self._reply(hub.info(), len(hub.info()))
                return
            name = self.path.removeprefix(f"/{MODEL}/resolve/{COMMIT}/")
            if name not in hub.files:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.end_headers()
                return
            begin = int(re.findall(r"\d+", wanted)[0]) if wanted else 0
            content = hub.files[name]
            if name == LARGE and hub.damages:
                hub.damages -= 1
                content = b"?" + content[1:]
            self._reply(content[begin:], len(content), 206 if wanted else 200, begin, name == LARGE)

        def _reply(self, content: bytes, whole: int, status: int = 200, begin: int = 0, troubled: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 206:
                self.send_header("Content-Range", f"bytes {begin}-{whole - 1}/{whole}")
            self.end_headers()
            if troubled and (hub.break_at or hub.stall_at):
                cut, stalls = hub.break_at or hub.stall_at, bool(hub.stall_at)
                hub.break_at = hub.stall_at = 0
                self.wfile.write(content[:cut])
                self.wfile.flush()
                if stalls:
                    hub.stalled.set()
                    hub.resume.wait(120)
                self.close_connection = True
                return
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.resume.set()
        server.shutdown()
        thread.join()
        server.server_close()
