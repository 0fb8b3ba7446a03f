"""Fine-tuning: where pairs come from, and that training moves a tiny model the right way."""

import importlib.util
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from askmesh_embeddings.finetuning.measuring import Question, hits, read_questions
from askmesh_embeddings.finetuning.pairs import (
    Pair,
    Record,
    fetch_records,
    pairs_from,
    read_pairs,
    read_records,
    split_held_out,
)

DOCSTRING = Record(
    "fury.actor.axes(scale=(1, 1, 1))",
    "Create an actor with the coordinate system axes.\n\nParameters\n----------\nscale : tuple, the size of each axis.",
    "actor.py",
    10,
    20,
)
SECTION = Record("FURY › Guide › Install from source", "x" * 80, "guide.md", 1, 9)


def test_pairs_are_made_of_summaries_and_headings():
    short = Record("a.b", "Too short.")
    pairs = pairs_from([DOCSTRING, SECTION, short, DOCSTRING])
    assert pairs == [
        Pair(
            "Create an actor with the coordinate system axes.",
            "fury.actor.axes(scale=(1, 1, 1))\nParameters\n----------\nscale : tuple, the size of each axis.",
        ),
        Pair("Install from source", "x" * 80),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.csv", 'question,passage\n"How, then?","So, that\nis how."\n'),
        ("pairs.jsonl", '{"question": "How, then?", "passage": "So, that\\nis how."}\n\n'),
    ],
)
def test_pairs_are_read(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_pairs(tmp_path / name) == [Pair("How, then?", "So, that\nis how.")]


def test_a_pair_that_lacks_something_is_named(tmp_path):
    (tmp_path / "pairs.jsonl").write_text('{"question": "a", "passage": "b"}\n{"question": "a"}\n')
    with pytest.raises(ValueError, match="entry 2 lacks"):
        read_pairs(tmp_path / "pairs.jsonl")


def test_the_split_is_disjoint_whole_and_repeatable():
    pairs = [Pair(str(number), "x") for number in range(50)]
    training, held_out = split_held_out(pairs, 0.1, seed=1)
    assert (len(training), len(held_out)) == (45, 5)
    assert {*training} | {*held_out} == {*pairs}
    assert split_held_out(pairs, 0.1, seed=1) == (training, held_out)
    with pytest.raises(ValueError, match="too few"):
        split_held_out(pairs[:1], 0.1, seed=1)


def test_gold_places_become_the_records_that_overlap_them(tmp_path):
    rows = [
        {"question": "which axes?", "gold": [{"path": "actor.py", "line_start": 20, "line_end": 30}]},
        {"question": "elsewhere", "gold": [{"path": "actor.py", "line_start": 21, "line_end": 30}]},
        {"question": "unanswerable", "gold": []},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_questions(tmp_path / "q.jsonl", [SECTION, DOCSTRING]) == [Question("which axes?", frozenset({1}))]


def test_hits_count_the_ranks():
    from askmesh_embeddings.encoders.base import EncoderOptions
    from own_encoders import HashEncoder

    texts = [f"text {number}" for number in range(20)]
    encoder = HashEncoder(EncoderOptions())
    right = [Question(text, frozenset({position})) for position, text in enumerate(texts)]
    assert hits(encoder, right, texts) == {"hit@1": 1, "hit@5": 1, "hit@10": 1}
    assert hits(encoder, [Question("text 3", frozenset({99}))], texts)["hit@10"] == 0


def test_records_come_from_a_running_index_page_by_page():
    records = {str(number): {"header": f"h{number}", "text": f"t{number}"} for number in range(230)}

    class Index(BaseHTTPRequestHandler):
        def do_GET(self):
            address = urlsplit(self.path)
            query = parse_qs(address.query)
            assert query["namespace"] == ["docs"]
            if address.path == "/indexes/a/vectors/list":
                start = int(query.get("paginationToken", ["0"])[0])
                end = start + int(query["limit"][0])
                body = {"vectors": [{"id": each} for each in list(records)[start:end]]}
                body |= {"pagination": {"next": str(end)}} if end < len(records) else {}
            else:
                body = {"vectors": {each: {"id": each, "metadata": records[each]} for each in query["ids"]}}
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        found = fetch_records(f"http://127.0.0.1:{server.server_port}/indexes/a", "docs")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [record.text for record in found] == [each["text"] for each in records.values()]


@pytest.mark.models
@pytest.mark.timeout(600)
def test_the_command_trains_measures_and_exports_what_the_service_can_serve(tmp_path, start):
    missing = [name for name in ("accelerate", "datasets") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: make finetune")
    tiny_models = pytest.importorskip("tiny_models")
    base = tiny_models.save_bert(tmp_path / "base")
    words = ["axes", "cube", "sphere", "arrow", "camera", "light", "window", "scene", "actor", "colour"]
    lines = [
        {"question": f"What draws the {word} number {number}?", "passage": f"{word} {number} is what is drawn here"}
        for word in words
        for number in range(12)
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    arguments = ["--pairs", tmp_path / "pairs.jsonl", "--base", base, "--out", tmp_path / "out", "--batch", "24"]
    arguments += ["--epochs", "3", "--learning-rate", "1e-3", "--held-out", "0.2"]
    command = [sys.executable, "-m", "askmesh_embeddings", "finetune", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "out" / "finetune.json").read_text())
    assert f"{report['after']['held-out pairs']['hit@5']:.3f}" in done.stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == ["base", "out", "pairs.jsonl"]
    assert report["after"]["held-out pairs"]["hit@5"] > report["before"]["held-out pairs"]["hit@5"]
    assert report["export"]["least_cosine"] > 0.9999
    assert start(encoder="onnx", model=str(tmp_path / "out" / "onnx"))


def test_documents_are_read(tmp_path):
    (tmp_path / "d.jsonl").write_text(json.dumps({"title": "t", "text": "x", "path": "p", "line_start": 1}) + "\n")
    assert read_records(tmp_path / "d.jsonl") == [Record("t", "x", "p", 1, 0)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--pairs", "missing.jsonl"],
        ["--documents", "empty.jsonl"],
        ["--index", "http://127.0.0.1:9/indexes/none"],
        ["--index", "nonsense"],
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(tmp_path, arguments):
    (tmp_path / "empty.jsonl").write_text('{"header": "only"}\n', encoding="utf-8")
    command = [sys.executable, "-m", "askmesh_embeddings", "finetune", *arguments, "--out", "tuned"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().count("\n") == 0
