"""/v1/embeddings and /v1/models, through OpenAI's own SDK and by hand."""

import base64
import json
import time

import httpx2
import numpy as np
import openai
import pytest

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def client(minilm_url):
    with openai.OpenAI(base_url=f"{minilm_url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def post(minilm_url):
    with httpx2.Client(base_url=minilm_url, timeout=60) as client:
        yield lambda body: client.post(
            "/v1/embeddings",
            content=body if isinstance(body, bytes) else json.dumps(body),
            headers={"content-type": "application/json"},
        )


def test_the_sdk_reads_base64_by_default_and_the_same_vectors_as_numbers(client):
    texts = ["How do I read a file?", "Open the file in text mode and read it."]
    by_default = client.embeddings.create(model=MODEL, input=texts)
    as_numbers = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
    assert [item.index for item in by_default.data] == [0, 1]
    first, second = (np.array([item.embedding for item in each.data]) for each in (by_default, as_numbers))
    assert first.shape == (2, 384)
    np.testing.assert_allclose(first, second, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    assert by_default.model == MODEL
    assert by_default.usage.prompt_tokens == by_default.usage.total_tokens == 9 + 12


@pytest.mark.anyio
async def test_the_async_sdk(minilm_url):
    async with openai.AsyncOpenAI(base_url=f"{minilm_url}/v1", api_key="none", max_retries=0) as client:
        done = await client.embeddings.create(model="text-embedding-3-small", input="an alias of the model")
    assert len(done.data[0].embedding) == 384


def test_related_texts_are_nearer_than_unrelated_ones(client):
    texts = ["How do I read a file?", "Path.read_text opens a file and reads it.", "Tungsten melts at 3422 °C."]
    question, near, far = (np.array(item.embedding) for item in client.embeddings.create(model=MODEL, input=texts).data)
    assert question @ near > question @ far + 0.3


def test_order_survives_batching_by_length(client):
    texts = [f"word {'very ' * (17 * number % 60)}long {number}" for number in range(100)]
    together = client.embeddings.create(model=MODEL, input=texts).data
    for position in (0, 13, 99):
        alone = client.embeddings.create(model=MODEL, input=texts[position]).data[0].embedding
        assert np.dot(together[position].embedding, alone) > 0.999


def test_base64_is_little_endian_float32(post):
    numbers = post({"input": "x"}).json()["data"][0]["embedding"]
    encoded = post({"input": "x", "encoding_format": "base64"}).json()["data"][0]["embedding"]
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(encoded), "<f4"), np.array(numbers, dtype=np.float32))


def test_model_may_be_left_out_and_must_be_ours_otherwise(post, client):
    assert post({"input": "x"}).status_code == 200
    assert post({"input": "x", "model": "all-MiniLM-L6-v2"}).status_code == 200
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="gpt-9", input="x")
    assert caught.value.code == "model_not_found"
    assert MODEL in str(caught.value)


def test_models_carry_dimension_limit_and_fingerprint(client, minilm_url):
    (entry,) = client.models.list().data
    assert (entry.id, entry.object, entry.owned_by) == (MODEL, "model", "sentence-transformers")
    assert (entry.dimension, entry.max_input_tokens) == (384, 256)
    assert len(entry.fingerprint) == 16
    assert client.models.retrieve(MODEL).id == MODEL
    assert httpx2.get(f"{minilm_url}/v1/models/nothing/here", timeout=60).json()["error"]["code"] == "model_not_found"


def test_a_text_too_long_is_refused_with_its_length_and_place_unless_truncation_is_asked_for(post):
    body = {"input": ["short", "word " * 300]}
    refused = post(body)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["code"] == "input_too_long"
    assert "Input 1 has 302 tokens, the model reads 256." in error["message"]
    done = post(body | {"truncate": True}).json()
    assert done["usage"]["prompt_tokens"] == 3 + 256


def test_the_position_of_a_long_text_counts_duplicates(post):
    error = post({"input": ["short", "short", "word " * 300]}).json()["error"]
    assert error["message"].startswith("Input 2 has 302 tokens")


def test_token_ids_name_the_client_setting(client, post):
    for ids in ([1, 2, 3], [[1, 2], [3]]):
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model=MODEL, input=ids)
        assert caught.value.code == "token_ids_not_supported"
        assert "check_embedding_ctx_length=False" in str(caught.value)


@pytest.mark.parametrize("value", [1, 383, 385, 1536])
def test_other_dimensions_are_refused(post, value):
    answer = post({"input": "x", "dimensions": value})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "dimensions_not_supported")
    assert answer.json()["error"]["param"] == "dimensions"


def test_the_models_own_dimension_is_accepted(post):
    assert len(post({"input": "x", "dimensions": 384}).json()["data"][0]["embedding"]) == 384


def test_null_is_a_field_left_out_and_so_is_a_model_without_a_name(post):
    nothing = dict.fromkeys(("model", "encoding_format", "dimensions", "input_type", "truncate", "user"))
    whole = post({"input": "x"}).json()
    assert post({"input": "x"} | nothing).json() == whole
    assert post({"input": "x", "model": ""}).json() == whole


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"input": ""}, "empty_input"),
        ({"input": []}, "empty_input"),
        ({"input": ["fine", ""]}, "empty_input"),
        ({"input": None}, "invalid_request"),
        ({"input": 7}, "invalid_request"),
        ({"input": {"text": "x"}}, "invalid_request"),
        ({"input": ["fine", None]}, "invalid_request"),
        ({"input": [True]}, "invalid_request"),
        ({"input": [1.5]}, "invalid_request"),
        ({"input": ["fine", 3]}, "token_ids_not_supported"),
        ({"input": ["x"] * 2049}, "too_many_inputs"),
        ({"input": "x" * 200_001}, "input_too_long"),
        ({"input": "x", "encoding_format": "hex"}, "invalid_request"),
        ({"input": "x", "dimensions": 0}, "invalid_request"),
        ({"input": "x", "dimensions": "many"}, "invalid_request"),
        ({"input": "x", "input_type": "passage"}, "invalid_request"),
        ({"input": "x", "model": ["a"]}, "invalid_request"),
        ([], "invalid_request"),
        (b'{"input": NaN}', "invalid_json"),
        (b'{"input": "x", "dimensions": 1e999}', "invalid_json"),
        (b'{"input": "\\ud800"}', "invalid_json"),
        (b'{"input": "a\\u0000b"}', "invalid_json"),
        (b'{"input": "\xff\xfe"}', "invalid_json"),
        (b'{"input": "x"', "invalid_json"),
        (b'{"input": ' + b"[" * 900 + b"]" * 900 + b"}", "invalid_json"),
    ],
)
def test_bad_input_is_a_400_with_a_code(post, body, code):
    answer = post(body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert len(error["message"]) < 500


@pytest.mark.parametrize("text", [" ", "\n\t", "\u200b", "🙂", "東京", "a" * 5_000, "é" * 200])
def test_odd_but_valid_texts_have_unit_vectors(post, text):
    vector = np.array(post({"input": text, "truncate": True}).json()["data"][0]["embedding"])
    assert abs(np.linalg.norm(vector) - 1) < 1e-5


def test_unknown_fields_are_ignored(post):
    assert post({"input": "x", "user": "u", "future_option": {"a": 1}}).status_code == 200


def test_duplicates_in_a_request_cost_one_encode_but_count_in_usage(post):
    done = post({"input": ["same text here"] * 20}).json()
    assert len({tuple(item["embedding"]) for item in done["data"]}) == 1
    assert done["usage"]["prompt_tokens"] == 20 * 5


def test_an_api_key_is_asked_for_where_keys_are_set(start):
    url = start(encoder="own_encoders:HashEncoder", api_keys="secret=read")
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.embeddings.create(model="own/hash", input="x")
    with openai.OpenAI(base_url=f"{url}/v1", api_key="secret", max_retries=0) as client:
        assert len(client.embeddings.create(model="own/hash", input="x").data[0].embedding) == 8


def test_dimensions_a_model_was_trained_for_are_cut_and_renormalised(start):
    url = start(encoder="own_encoders:HashEncoder", dimensions="4,2")
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        whole = np.array(client.embeddings.create(model="own/hash", input="a b").data[0].embedding)
        short = np.array(client.embeddings.create(model="own/hash", input="a b", dimensions=4).data[0].embedding)
        np.testing.assert_allclose(short, whole[:4] / np.linalg.norm(whole[:4]), atol=1e-6)
        with pytest.raises(openai.BadRequestError, match="use 2, 4, 8"):
            client.embeddings.create(model="own/hash", input="a b", dimensions=3)


@pytest.mark.parametrize("length", ["500", "128"])
def test_lengths_that_the_model_was_not_trained_for_keep_the_service_unready(start, length):
    url = start(wait=False, dimensions=length, load_retry_s=0)
    deadline = time.monotonic() + 60
    while "DIMENSIONS" not in (reason := httpx2.get(f"{url}/readyz", timeout=60).text) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "DIMENSIONS" in reason
