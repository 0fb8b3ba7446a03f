"""Every knob of the service."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from askmesh_kit.settings import ServiceSettings
from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from askmesh_embeddings.encoders.base import EncoderOptions
from askmesh_embeddings.encoders.hardware import usable_cores


class Settings(ServiceSettings):
    """Read from `ASKMESH_EMBEDDINGS_…` and `.env`."""

    model_config = SettingsConfigDict(env_prefix="ASKMESH_EMBEDDINGS_")

    port: int = Field(8001, ge=1, le=65535, description="Port to listen on.")
    encoder: str = Field(
        "minilm", description="minilm, sentence-transformers, onnx, openvino, or your own `package.module:Class`."
    )
    model: str | None = Field(
        None,
        description="Model id or folder. Unset: the encoder's own (all-MiniLM-L6-v2, Alibaba-NLP/gte-large-en-v1.5).",
    )
    revision: str | None = Field(None, description="Commit of the model on its hub; pin it in production.")
    code_revision: str | None = Field(
        None, description="Commit of the code a model's repository brings; only with REVISION a commit too is it run."
    )
    dtype: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 where the hardware computes in it, else fp32."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a CUDA GPU where there is one.")
    runtime: Literal["auto", "openvino", "onnxruntime"] = Field(
        "auto", description="What runs minilm. auto: the first installed, in this order."
    )
    cache_dir: Path | None = Field(None, description="Folder for graphs made once. Unset: ~/.cache/askmesh (XDG).")
    golden: Path | None = Field(
        None, description="Reference vectors (JSON) that the model must reproduce before it is ready. Unset: our own."
    )
    load_retry_s: float = Field(
        30.0,
        ge=0,
        description="First pause before a model that could not be loaded is tried again, in seconds; pauses double, "
        "up to ten minutes. 0: never.",
    )
    reranker: str | None = Field(
        None, description="cross-encoder, or your own `package.module:Class`. Unset: none, and reranking is a 501."
    )
    reranker_model: str | None = Field(
        None, description="Id or folder of the reranker. Unset: cross-encoder/ms-marco-MiniLM-L6-v2."
    )
    reranker_revision: str | None = Field(None, description="Commit of the reranker on its hub.")
    aliases: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="Further model names to answer to, comma-separated, e.g. `text-embedding-3-small`."
    )
    dimensions: Annotated[tuple[Annotated[int, Field(ge=1)], ...], NoDecode] = Field(
        (), description="Shorter vector lengths the model was trained for (Matryoshka), comma-separated."
    )
    max_input_tokens: int | None = Field(
        None,
        ge=8,
        description="Longest input in tokens, special ones included. Unset: the model's own limit, at most 2048 on a CPU.",
    )
    max_input_chars: int = Field(200_000, ge=1, description="Longest input in characters, whatever its tokens.")
    max_inputs: int = Field(2_048, ge=1, description="Most texts in one request.")
    lanes: int | None = Field(
        None, ge=1, description="Batches encoded side by side. Unset: one per core, one on a GPU."
    )
    threads_per_lane: int = Field(1, ge=1, description="Threads that share one batch.")
    batch_tokens: int | None = Field(
        None, ge=1, description="Most padded tokens in a batch. Unset: 512 on a CPU, 16384 on a GPU."
    )
    batch_texts: int = Field(64, ge=1, description="Most texts in a batch.")
    interactive_texts: int = Field(8, ge=0, description="Requests with at most this many texts go before bulk.")
    interactive_documents: int = Field(
        100, ge=0, description="Rerank requests with at most this many documents go before larger ones."
    )
    interactive_queue_tokens: int = Field(
        32_768, ge=1, description="Tokens of interactive requests that may wait; more gets a 429."
    )
    bulk_queue_tokens: int = Field(
        1_048_576, ge=1, description="Tokens of bulk requests that may wait; more gets a 429."
    )
    bulk_nice: int = Field(
        10, ge=0, le=19, description="How far bulk work steps back for queries: the niceness of its threads (Linux)."
    )
    queue_reserve: float = Field(
        0.25, ge=0, description="Share on top of a queue's bound that only callers with nothing waiting may use."
    )
    rerank_query_chars: int = Field(
        8_000_000,
        ge=1,
        description="Most characters to read of the query in one rerank request: its length times the documents.",
    )
    cache_entries: int = Field(4_096, ge=0, description="Vectors of interactive texts kept in memory; 0 for none.")
    cache_text_chars: int = Field(4_000, ge=0, description="Longest text, in characters, whose vector is kept.")

    @field_validator("aliases", "dimensions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @property
    def encoder_options(self) -> EncoderOptions:
        """What of this concerns the encoder, defaults resolved."""
        return EncoderOptions(
            model=self.model,
            revision=self.revision,
            code_revision=self.code_revision,
            dtype=self.dtype,
            device=self.device,
            runtime=self.runtime,
            max_input_tokens=self.max_input_tokens,
            dimensions=self.dimensions,
            cache_dir=self.cache_dir,
            lanes=self.lanes or max(1, usable_cores() // self.threads_per_lane),
            threads_per_lane=self.threads_per_lane,
        )

    @property
    def reranker_options(self) -> EncoderOptions:
        """What of this concerns the reranker."""
        return replace(
            self.encoder_options,
            model=self.reranker_model,
            revision=self.reranker_revision,
            code_revision=None,
            max_input_tokens=None,
        )
