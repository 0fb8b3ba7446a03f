"""Text Embeddings Inference's routes, and reranking's clear refusal."""

import httpx2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def client(minilm_url):
    with httpx2.Client(base_url=minilm_url, timeout=60) as client:
        yield client


def test_embed_gives_the_same_vectors_as_the_openai_route(client):
    texts = ["How do I read a file?", "Open it."]
    rows = np.array(client.post("/embed", json={"inputs": texts}).json())
    others = client.post("/v1/embeddings", json={"input": texts}).json()["data"]
    assert rows.shape == (2, 384)
    assert (rows * np.array([item["embedding"] for item in others])).sum(axis=1).min() > 0.999


def test_a_single_string_is_a_list_of_one(client):
    assert np.array(client.post("/embed", json={"inputs": "one"}).json()).shape == (1, 384)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"inputs": []}, 400, "empty_input"),
        ({"inputs": "word " * 300}, 400, "input_too_long"),
        ({"inputs": "x", "normalize": False}, 400, "invalid_request"),
        ({"inputs": "x", "prompt_name": "sts"}, 400, "invalid_request"),
        ({"inputs": "x", "truncation_direction": "Left"}, 400, "invalid_request"),
        ({"inputs": [[1, 2]]}, 400, "token_ids_not_supported"),
    ],
)
def test_errors_have_teis_shape(client, body, status, code):
    answer = client.post("/embed", json=body)
    error = answer.json()
    assert (answer.status_code, error["code"], error["error_type"]) == (status, code, "validation")
    assert error["error"]


def test_truncation_on_request(client):
    body = {"inputs": "word " * 300, "truncate": True, "truncation_direction": "right", "normalize": None}
    assert client.post("/embed", json=body).status_code == 200


def test_info_names_the_model_and_its_limits(client):
    info = client.get("/info").json()
    assert info["model_id"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert info["max_input_length"] == 256
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}
    assert info["fingerprint"] == client.get("/v1/models").json()["data"][0]["fingerprint"]


def test_rerank_without_a_reranker_is_a_501_that_says_so(client):
    for path, body in (("/v1/rerank", {"query": "q", "documents": ["d"]}), ("/rerank", {"query": "q", "texts": ["d"]})):
        answer = client.post(path, json=body)
        assert answer.status_code == 501
        assert "no_reranker" in answer.text


def test_tokenize_shows_each_token_and_its_place(client):
    text = "Größe of a file"
    (tokens,) = client.post("/tokenize", json={"inputs": text}).json()
    assert (tokens[0]["id"], tokens[0]["special"], tokens[0]["start"]) == (101, True, None)
    words = [token for token in tokens if not token["special"]]
    assert "".join(text[token["start"] : token["stop"]] for token in words) == text.replace(" ", "")
    used = client.post("/v1/embeddings", json={"input": text}).json()["usage"]["prompt_tokens"]
    assert len(tokens) == used
    bare = client.post("/tokenize", json={"inputs": [text, "x"], "add_special_tokens": False}).json()
    assert [len(each) for each in bare] == [len(words), 1]


def test_tokenize_answers_a_bounded_number_of_characters(client):
    answer = client.post("/tokenize", json={"inputs": ["a " * 50_000] * 3})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_inputs")


@pytest.mark.parametrize("body", [{"inputs": []}, {"inputs": "x", "prompt_name": "sts"}, {"inputs": [7]}])
def test_tokenize_refuses_what_embed_refuses(client, body):
    answer = client.post("/tokenize", json=body)
    assert (answer.status_code, answer.json()["error_type"]) == (400, "validation")


def test_an_encoder_that_cannot_show_its_tokens_says_so(start):
    url = start(encoder="own_encoders:HashEncoder")
    answer = httpx2.post(f"{url}/tokenize", json={"inputs": "x"}, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (501, "tokens_not_shown")
