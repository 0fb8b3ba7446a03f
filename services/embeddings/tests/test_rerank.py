"""Reranking with a cross-encoder: tiny random ones, loaded by the code that loads the real ones."""

import time

import httpx2
import numpy as np
import pytest
from askmesh_embeddings.encoders.base import EncoderError, EncoderOptions
from askmesh_embeddings.rerankers.base import load_reranker

pytestmark = pytest.mark.models

QUERY = "How do I read a file?"
DOCUMENTS = ["Open it in text mode and read it.", "Tungsten.", "word " * 30, "🙂 größer"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return pytest.importorskip("tiny_models"), tmp_path_factory.mktemp("rerankers")


@pytest.fixture(scope="module")
def folder(tiny):
    return tiny[0].save_cross_encoder(tiny[1] / "tiny-reranker")


@pytest.fixture(scope="module")
def expected(folder):
    """Logits of sentence-transformers' own CrossEncoder."""
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu")
    return model.predict([(QUERY, text) for text in DOCUMENTS], activation_fn=torch.nn.Identity())


@pytest.fixture
def client(start, folder):
    url = start(encoder="own_encoders:HashEncoder", reranker="cross-encoder", reranker_model=str(folder), dtype="fp32")
    with httpx2.Client(base_url=url, timeout=60) as client:
        yield client


def load(folder, **options):
    return load_reranker("cross-encoder", EncoderOptions(model=str(folder), device="cpu", **options))


def test_scores_equal_sentence_transformers_own(folder, expected):
    reranker = load(folder, dtype="fp32")
    logits = reranker.score(reranker.tokenize(QUERY, DOCUMENTS, truncate=True))
    np.testing.assert_allclose(logits[:, 0], expected, atol=1e-5)
    assert np.ptp(logits) > 0.01
    rounded = load(folder, dtype="bf16")
    np.testing.assert_allclose(rounded.score(rounded.tokenize(QUERY, DOCUMENTS, truncate=True)), logits, atol=0.1)


def test_the_openai_side_orders_by_relevance(client, expected):
    body = {"query": QUERY, "documents": DOCUMENTS, "top_n": 3, "return_documents": True, "model": "tiny-reranker"}
    answer = client.post("/v1/rerank", json=body).json()
    best = sorted(range(4), key=lambda index: -expected[index])[:3]
    assert [result["index"] for result in answer["results"]] == best
    scores = [result["relevance_score"] for result in answer["results"]]
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-expected[best])), atol=1e-4)
    assert [result["document"]["text"] for result in answer["results"]] == [DOCUMENTS[index] for index in best]
    assert answer["usage"]["total_tokens"] > 40
    as_objects = body | {"documents": [{"text": text} for text in DOCUMENTS]}
    assert client.post("/v1/rerank", json=as_objects).json() == answer


def test_teis_route_gives_scores_or_raw_ones(client, expected):
    body = {"query": QUERY, "texts": DOCUMENTS, "raw_scores": True, "return_text": True}
    ranks = client.post("/rerank", json=body).json()
    np.testing.assert_allclose([rank["score"] for rank in ranks], sorted(expected, reverse=True), atol=1e-4)
    assert ranks[0]["text"] == DOCUMENTS[ranks[0]["index"]]
    plain = client.post("/rerank", json={"query": QUERY, "texts": DOCUMENTS}).json()
    assert [rank["index"] for rank in plain] == [rank["index"] for rank in ranks]
    assert all(0 < rank["score"] < 1 for rank in plain)
    assert "text" not in plain[0]


def test_a_pair_too_long_is_refused_with_its_place_unless_truncation_is_asked_for(client):
    body = {"query": QUERY, "documents": ["short", "word " * 100]}
    refused = client.post("/v1/rerank", json=body)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["code"] == "input_too_long"
    assert error["message"].startswith("Document 1 has 110 tokens with the query, the reranker reads 64.")
    assert client.post("/v1/rerank", json=body | {"truncate": True}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": "", "documents": ["x"]}, 400, "empty_input"),
        ({"query": "x", "documents": []}, 400, "empty_input"),
        ({"query": "x", "documents": ["x"] * 2049}, 400, "too_many_inputs"),
        ({"query": "x", "documents": ["x"], "model": "other"}, 404, "model_not_found"),
        ({"query": "x", "documents": [7]}, 400, "invalid_request"),
        ({"query": "x", "documents": ["x"], "top_n": 0}, 400, "invalid_request"),
        ({"query": "x" * 200_001, "documents": ["x"]}, 400, "input_too_long"),
    ],
)
def test_bad_requests(client, body, status, code):
    answer = client.post("/v1/rerank", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_empty_document_has_a_score(client):
    assert len(client.post("/v1/rerank", json={"query": "x", "documents": ["", "y"]}).json()["results"]) == 2


def test_many_documents_come_back_in_order_and_are_counted(client, folder):
    texts = [f"word {'very ' * (number % 20)}{number}" for number in range(150)]
    ranks = client.post("/rerank", json={"query": QUERY, "texts": texts, "raw_scores": True}).json()
    reranker = load(folder, dtype="fp32")
    alone = reranker.score(reranker.tokenize(QUERY, texts, truncate=True))[:, 0]
    by_index = {rank["index"]: rank["score"] for rank in ranks}
    np.testing.assert_allclose([by_index[index] for index in range(150)], alone, atol=1e-4)
    assert "askmesh_rerank_tokens_total" in client.get("/metrics").text


def test_a_model_without_a_trained_head_is_refused(tiny):
    with pytest.raises(EncoderError, match=r"lacks the weights classifier\.bias.* no cross-encoder"):
        load(tiny[0].save_cross_encoder(tiny[1] / "headless", head=False))


def test_a_classifier_with_several_outputs_is_refused(tiny):
    with pytest.raises(EncoderError, match="3 outputs"):
        load(tiny[0].save_cross_encoder(tiny[1] / "classes", outputs=3))


def test_an_unready_reranker_keeps_the_service_unready_and_vectors_flowing(start, tmp_path):
    url = start(wait=False, encoder="own_encoders:HashEncoder", reranker="cross-encoder", reranker_model=str(tmp_path))
    deadline = time.monotonic() + 100
    with httpx2.Client(base_url=url, timeout=60) as client:
        ready = client.get("/readyz")
        while not (ready.json()["checks"]["model"]["ok"] and "cannot be loaded" in ready.text):
            assert time.monotonic() < deadline, ready.text
            time.sleep(0.02)
            ready = client.get("/readyz")
        assert ready.status_code == 503
        assert client.post("/v1/embeddings", json={"input": "x"}).status_code == 200
        refused = client.post("/v1/rerank", json={"query": "x", "documents": ["y"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_not_ready")


def test_a_long_query_for_many_documents_is_refused_before_it_is_read(client):
    answer = client.post("/v1/rerank", json={"query": "a " * 50_000, "documents": ["b"] * 100, "truncate": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "input_too_long")


def test_of_a_long_list_of_wrong_documents_the_first_is_told(client):
    """Each of millions as an error of its own would hold up everybody for seconds."""
    for path, field, wrong in (("/v1/rerank", "documents", {"text": 1}), ("/rerank", "texts", 1)):
        answer = client.post(path, json={"query": "q", field: [wrong] * 1000})
        assert answer.status_code == 400
        assert f"{field}.0" in answer.text
        assert f"{field}.1" not in answer.text
