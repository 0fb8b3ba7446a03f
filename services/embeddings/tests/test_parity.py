"""The default encoder against sentence-transformers itself, over the HTTP API."""

import random

import numpy as np
import openai
import pytest
from askmesh_embeddings.encoders.minilm import locate_package

pytestmark = pytest.mark.models

WORDS = [
    "file",
    "path",
    "read",
    "write",
    "open",
    "close",
    "index",
    "vector",
    "search",
    "query",
    "passage",
    "token",
    "model",
    "async",
    "await",
    "raise",
    "return",
    "class",
    "HTTP",
    "JSON",
    "UTF-8",
    "naïve",
    "façade",
    "東京",
    "größer",
    "3.14159",
    "0xFF",
    "foo_bar()",
    "obj.attr[0]",
    "->",
    "!=",
    "`code`",
    "“quoted”",
    "e.g.",
    "don't",
    "🙂",
    "½",
]


def varied_texts(count):
    """Lengths from one word to beyond the limit, in prose, code, several scripts and odd white space."""
    choose = random.Random(11)
    return [
        choose.choice([" ", "  ", "\n", "\t"]).join(
            choose.choices(WORDS, k=choose.choice([1, 3, 5, 8, 8, 13, 20, 20, 60, 400]))
        )
        for _ in range(count)
    ]


def test_cosine_to_sentence_transformers_on_varied_texts(minilm_url):
    from sentence_transformers import SentenceTransformer

    texts = varied_texts(300)
    expected = SentenceTransformer(str(locate_package()), device="cpu").encode(texts, batch_size=16)
    with openai.OpenAI(base_url=f"{minilm_url}/v1", api_key="none") as client:
        done = client.embeddings.create(model="all-MiniLM-L6-v2", input=texts, extra_body={"truncate": True})
    cosines = (np.array([item.embedding for item in done.data]) * expected).sum(axis=1)
    assert cosines.min() >= 0.999
