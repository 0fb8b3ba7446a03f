"""Wire shapes."""

import base64
from typing import Annotated, Any, Literal

import numpy as np
from askmesh_kit.errors import InvalidRequest
from pydantic import BaseModel, BeforeValidator, Field, model_validator

from askmesh_embeddings.encoders.base import InputType, Vectors


def _only_texts(value: Any) -> Any:
    """Refuse anything but a string or a list of strings, with one clear message rather than one per item."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise InvalidRequest("The input must be a string or a list of strings.", param="input")
    for position, item in enumerate(value):
        if isinstance(item, str):
            continue
        if isinstance(item, (int, list)) and not isinstance(item, bool):
            raise InvalidRequest(
                "Token ids are not accepted: they belong to another model's tokenizer.",
                fix="Send text: in LangChain set OpenAIEmbeddings(check_embedding_ctx_length=False), in LibreChat's RAG "
                "API set RAG_CHECK_EMBEDDING_CTX_LENGTH=False.",
                code="token_ids_not_supported",
                param="input",
                position=position,
            )
        raise InvalidRequest(f"Input {position} is not a string.", param="input", position=position)
    return value


Texts = Annotated[str | list[str], BeforeValidator(_only_texts)]


TruncationDirection = Literal["Right", "right"]


class _Request(BaseModel):
    """What a request has as null, as clients in typed languages send all they leave open, is left out."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_unset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields = cls.model_fields
        return {
            name: value
            for name, value in data.items()
            if value is not None or (name in fields and fields[name].is_required())
        }


class EmbeddingRequest(_Request):
    """OpenAI's request; what it does not name is ignored."""

    input: Texts = Field(description="A text or a list of texts. Token ids are refused.", examples=["How do I start?"])
    model: str | None = Field(None, description="May be left out: a service serves one model.")
    encoding_format: Literal["float", "base64"] = Field("float", description="base64: little-endian float32.")
    dimensions: int | None = Field(None, ge=1, description="Only lengths the model was trained for.")
    input_type: InputType | None = Field(None, description="Which side of a search the texts stand on.")
    truncate: bool = Field(False, description="Embed the beginning of a text that is too long, instead of refusing it.")
    user: str | None = Field(None, description="Ignored.")


class OpenAIErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str = Field(description="Stable; the README lists them.")


class OpenAIError(BaseModel):
    """OpenAI's error object."""

    error: OpenAIErrorDetail


class TeiError(BaseModel):
    """Text Embeddings Inference's error object, with our code beside it."""

    error: str
    error_type: str
    code: str


class EmbeddingItem(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="Numbers, or base64 of little-endian float32.")


class Usage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingResponse(BaseModel):
    """OpenAI's response."""

    object: Literal["list"] = "list"
    data: list[EmbeddingItem]
    model: str
    usage: Usage


class ModelEntry(BaseModel):
    """OpenAI's model object and what callers need to know of an encoder."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    dimension: int = Field(description="Length of the vectors.")
    dimensions: list[int] = Field(description="Shorter lengths the model was trained for.")
    max_input_tokens: int
    fingerprint: str = Field(description="Vectors are comparable only between equal fingerprints.")
    dtype: str
    runtime: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelEntry]


class TeiEmbedRequest(_Request):
    """Text Embeddings Inference's request."""

    inputs: Texts = Field(description="A text or a list of texts.")
    truncate: bool = False
    truncation_direction: TruncationDirection = Field("Right", description="What is too long loses its end.")
    normalize: bool = Field(True, description="The vectors are always of unit length; false is refused.")
    dimensions: int | None = Field(None, ge=1)
    prompt_name: str | None = Field(None, description="`query` or `document`, as input_type in /v1/embeddings.")


class TeiInfo(BaseModel):
    """Text Embeddings Inference's /info."""

    model_id: str
    model_sha: str | None = None
    model_dtype: str
    model_type: dict[str, dict[str, str]]
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_client_batch_size: int
    auto_truncate: bool = False
    version: str
    fingerprint: str


class TeiTokenizeRequest(_Request):
    """Text Embeddings Inference's request."""

    inputs: Texts = Field(description="A text or a list of texts.")
    add_special_tokens: bool = True
    prompt_name: str | None = Field(None, description="`query` or `document`: tokens include the model's own prompt.")


class TeiToken(BaseModel):
    id: int
    text: str
    special: bool
    start: int | None = Field(description="Offsets in characters; null for special tokens.")
    stop: int | None


class RerankDocument(BaseModel):
    text: str


class RerankRequest(_Request):
    """Jina's and Cohere's request, as far as they agree."""

    query: str
    # A list ends at its first wrong item: a message about each of a million would hold up everybody for seconds.
    documents: list[str | RerankDocument] = Field(fail_fast=True)
    model: str | None = Field(None, description="May be left out: a service serves one reranker.")
    top_n: int | None = Field(None, ge=1, description="How many of the best to answer with.")
    return_documents: bool = False
    truncate: bool = Field(False, description="Read the beginning of a pair that is too long, instead of refusing it.")


class RerankResult(BaseModel):
    index: int = Field(description="Place in `documents`.")
    relevance_score: float = Field(description="Between 0 and 1, higher is more relevant.")
    document: RerankDocument | None = None


class RerankUsage(BaseModel):
    total_tokens: int


class RerankResponse(BaseModel):
    """Best first."""

    model: str
    results: list[RerankResult]
    usage: RerankUsage


class TeiRerankRequest(_Request):
    """Text Embeddings Inference's request."""

    query: str
    texts: list[str] = Field(fail_fast=True)
    truncate: bool = False
    truncation_direction: TruncationDirection = Field("Right", description="What is too long loses its end.")
    raw_scores: bool = Field(False, description="The model's own scores instead of ones between 0 and 1.")
    return_text: bool = False


class TeiRank(BaseModel):
    index: int
    score: float
    text: str | None = None


OPENAI_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": OpenAIError, "description": "The request cannot be answered as it is, or not now (429)."},
    "5XX": {"model": OpenAIError, "description": "The service cannot answer."},
}
TEI_ERRORS: dict[int | str, dict[str, Any]] = {
    status: answer | {"model": TeiError} for status, answer in OPENAI_ERRORS.items()
}


def to_base64(vectors: Vectors) -> list[str]:
    """Each row as base64 of little-endian float32, OpenAI's `encoding_format: base64`."""
    return [base64.b64encode(row.astype("<f4").tobytes()).decode("ascii") for row in np.ascontiguousarray(vectors)]
