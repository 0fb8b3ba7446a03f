"""Every knob of the LLM service. Read from the environment (`ASKMESH_LLM_…`) and `.env`."""

from typing import Literal

from askmesh_kit.settings import ServiceSettings
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """Defaults run the extractive engine on loopback, without weights, keys or network."""

    model_config = SettingsConfigDict(env_prefix="ASKMESH_LLM_")

    port: int = Field(8003, ge=1, le=65535, description="Port to listen on.")
    request_deadline_s: float = Field(
        300.0, gt=0, description="Longest time for a whole generation, queueing included, in seconds."
    )

    engine: str = Field(
        "extractive", description="`extractive`, `transformers`, `int4`, `openai`, or your own `module:function`."
    )
    model: str = Field("", description="Model id or path. Unset: the engine's own default.")
    model_aliases: str = Field("", description="Comma-separated further names that requests may give as `model`.")
    max_model_len: int | None = Field(
        None, ge=16, description="Context in tokens, prompt and answer together. Unset: the model's own."
    )
    default_max_tokens: int = Field(512, ge=1, description="Tokens written when a request sets no limit.")

    max_active: int = Field(8, ge=1, description="Generations at once.")
    max_waiting: int = Field(64, ge=0, description="Requests that may wait for a place; further ones get a 429.")
    max_messages: int = Field(512, ge=1, description="Longest conversation, in messages.")
    max_tokenize_chars: int = Field(
        1_000_000, ge=1, description="Longest text or conversation that `/tokenize` counts, in characters."
    )
    stalled_client_s: float = Field(
        30.0, gt=0, description="How long a stream waits for a client that does not read, in seconds."
    )

    embeddings_url: str = Field(
        "", description="extractive: base URL of the embeddings service, for closeness in meaning. Unset: words only."
    )
    embeddings_api_key: SecretStr = Field(SecretStr(""), description="extractive: key for the embeddings service.")
    embeddings_model: str = Field("", description="extractive: model asked of it. Unset: its own default.")
    embeddings_timeout_s: float = Field(
        1.0, gt=0, description="extractive: time given to the embeddings service before words alone decide, in seconds."
    )

    upstream_url: str = Field(
        "",
        description="openai: base URL of the upstream, e.g. `http://127.0.0.1:11434/v1`; several, in order of"
        " preference, separated by commas.",
    )
    upstream_api_key: SecretStr = Field(
        SecretStr(""), description="openai: key sent upstream; one for all, or one for each URL, separated by commas."
    )
    upstream_model: str = Field(
        "",
        description="openai: model name sent upstream; one for all, or one for each URL, separated by commas. Unset:"
        " the upstream's first.",
    )
    model_map: str = Field(
        "",
        description="openai: further models, as `name=upstream's name,name=…`; names that differ by URL are separated"
        " by a vertical bar.",
    )
    upstream_max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="openai: what the upstream calls the limit; OpenAI's newest models want the second."
    )
    upstream_timeout_s: float = Field(60.0, gt=0, description="openai: longest silence of the upstream, in seconds.")
    upstream_connect_timeout_s: float = Field(
        2.0, gt=0, description="openai: time to connect to the upstream, in seconds."
    )
    upstream_rest_s: float = Field(
        2.0,
        gt=0,
        description="openai: how long an upstream that failed comes last, in seconds; doubles with each failure, up to"
        " 60.",
    )

    load_retry_s: float = Field(
        30.0,
        ge=0,
        description="First pause before a model that could not be loaded is tried again, in seconds; pauses double, "
        "up to ten minutes. 0: never.",
    )
    golden_file: str = Field(
        "",
        description="transformers, int4: JSON file with the golden answers of models beside those the package knows;"
        " written by `askmesh-llm golden --record`.",
    )
    revision: str = Field("", description="transformers: the model's commit. Unset: the pinned one of the default.")
    dtype: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="transformers: `auto` takes bf16 where the processor has it."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="transformers: `auto` takes CUDA if present.")
    cache_tokens: int = Field(
        6144,
        ge=64,
        description="transformers: room for this many tokens of all running requests together, taken from memory at"
        " start; at least one whole context.",
    )
    batch_tokens: int = Field(512, ge=16, description="transformers: most tokens computed in one step.")
    threads: int | None = Field(None, ge=1, description="transformers, int4: CPU threads. Unset: the library's choice.")
