"""Models are found in a server's list however the settings spell them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from askmesh_bot.peers.embeddings import EmbeddingsClient
from askmesh_bot.peers.listed import listed
from askmesh_bot.peers.llm import LlmClient
from askmesh_bot.settings import EmbeddingsPeer, LlmPeer

ENTRIES = {name: {"id": name} for name in ("org/gte", "other/gte", "phi-3")}
CARDS = [
    {"id": "gte", "dimension": 64, "max_input_tokens": 99, "fingerprint": "f00d"},
    {"id": "phi-3", "max_model_len": 4242, "engine": "transformers"},
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("other/gte", "other/gte"),
        ("gte", "org/gte"),
        ("/models/gte/", "org/gte"),
        ("/models/phi-3", "phi-3"),
        ("gpt", None),
        ("", None),
    ],
)
def test_by_id_else_by_the_last_part(wanted, found):
    assert listed(wanted, ENTRIES).get("id") == found


@pytest.fixture
def server():
    class Lists(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"object": "list", "data": CARDS}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.anyio
async def test_a_folder_that_the_settings_name_is_the_model_that_the_service_lists(server):
    patient = {"_env_file": None, "url": server, "connect_timeout_s": 60.0, "timeout_s": 60.0}
    embeddings = EmbeddingsClient(EmbeddingsPeer(**patient, model="/models/gte"))
    llm = LlmClient(LlmPeer(**patient, model="/models/phi-3"))
    try:
        card = await embeddings.model()
        assert (card.dimension, card.max_input_tokens, card.fingerprint) == (64, 99, "f00d")
        assert (await llm.model()).max_model_len == 4242
    finally:
        await embeddings.close()
        await llm.close()
