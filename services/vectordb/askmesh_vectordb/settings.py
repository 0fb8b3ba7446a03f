"""Every knob of the vector database service, with its default and its unit. The limits are Pinecone's own numbers."""

from pathlib import Path

from askmesh_kit.settings import ServiceSettings
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """Read from `ASKMESH_VECTORDB_…` and `.env`."""

    model_config = SettingsConfigDict(env_prefix="ASKMESH_VECTORDB_")

    port: int = Field(8002, ge=1, le=65535, description="Port to listen on.")
    store: str = Field(
        "local",
        description="local, postgres, redis, pinecone, qdrant, chroma, or an import string package.module:factory.",
    )
    public_url: str = Field(
        "",
        description="Base URL that index hosts are told with, e.g. https://vectors.example.org. Unset: the request's.",
    )

    key_bindings: SecretStr = Field(
        SecretStr(""),
        description="JSON object that binds API keys to part of the records: "
        '`{"<key or its fingerprint>": {"namespace": "…", "filter": {…}}}`.',
    )

    data_path: Path = Field(Path(".askmesh/vectordb"), description="Folder of the local store's files.")
    local_threads: int = Field(4, ge=1, le=64, description="Threads that read the local store.")
    local_queue: int = Field(256, ge=1, description="Operations that may wait for a thread before a 429.")
    local_busy_timeout_s: float = Field(10.0, gt=0, description="Longest wait for another process's write, in seconds.")
    local_exact_limit: int = Field(
        20_000,
        ge=0,
        description="Vectors of a namespace up to which search is exact; above, an approximate index is built.",
    )

    pinecone_api_key: SecretStr = Field(SecretStr(""), description="API key of the pinecone store.")
    pinecone_host: str = Field("https://api.pinecone.io", description="Control plane URL of the pinecone store.")
    pinecone_cloud: str = Field("aws", description="Cloud in which the pinecone store creates indexes.")
    pinecone_region: str = Field("us-east-1", description="Region in which the pinecone store creates indexes.")
    pinecone_timeout_s: float = Field(20.0, gt=0, description="Longest wait for one answer of Pinecone, in seconds.")
    pinecone_lag_s: float = Field(
        60.0, ge=0, description="How long a write to Pinecone may stay unseen by its reads, in seconds."
    )

    qdrant_url: str = Field(
        "http://127.0.0.1:6333",
        description="Address of Qdrant; `:memory:` or a folder runs its client's own small engine, to try it out.",
    )
    qdrant_api_key: SecretStr = Field(SecretStr(""), description="API key of the qdrant store.")
    qdrant_prefix: str = Field(
        "askmesh.", description="What the names of this service's collections in Qdrant begin with."
    )
    qdrant_timeout_s: float = Field(20.0, gt=0, description="Longest wait for one answer of Qdrant, in seconds.")

    chroma_url: str = Field("http://127.0.0.1:8000", description="Address of Chroma's server.")
    chroma_token: SecretStr = Field(SecretStr(""), description="Token of the chroma store, where the server wants one.")
    chroma_tenant: str = Field("default_tenant", description="Tenant that the chroma store uses.")
    chroma_database: str = Field("default_database", description="Database that the chroma store uses.")
    chroma_timeout_s: float = Field(20.0, gt=0, description="Longest wait for one answer of Chroma, in seconds.")

    postgres_url: SecretStr = Field(
        SecretStr(""), description="Database of the postgres store, `postgresql://user:password@host/name`."
    )
    postgres_schema: str = Field(
        "askmesh_vectordb",
        min_length=1,
        max_length=63,
        description="Schema that the postgres store keeps its tables in.",
    )
    postgres_connections: int = Field(8, ge=1, le=500, description="Connections to PostgreSQL, per process.")
    postgres_queue: int = Field(256, ge=0, description="Operations that may wait for a connection before a 429.")
    postgres_timeout_s: float = Field(20.0, gt=0, description="Longest wait for PostgreSQL, in seconds.")
    postgres_exact_limit: int = Field(
        3000, ge=0, description="Records in question up to which PostgreSQL compares each; above, by the HNSW index."
    )
    postgres_ef_search: int = Field(
        100, ge=1, le=1000, description="Breadth of PostgreSQL's search in the HNSW index, at least."
    )

    move_targets: SecretStr = Field(
        SecretStr(""),
        description="JSON object of further stores that a move may go to, by name: "
        '`{"new": "postgres://user:password@host/database"}`.',
    )
    move_log_limit: int = Field(
        200_000, ge=1, description="Changes that a move's second store may be behind before it is filled anew."
    )
    move_page_size: int = Field(200, ge=1, le=10_000, description="Records that a move copies at a time.")
    move_min_overlap: float = Field(
        0.9, ge=0, le=1, description="Share of nearest neighbours that both stores must find before a move is ready."
    )

    redis_url: SecretStr = Field(
        SecretStr(""), description="Server of the redis store (Redis 8), `redis://:password@host:6379/0`."
    )
    redis_prefix: str = Field("askmesh", min_length=1, description="What the redis store's keys begin with.")
    redis_connections: int = Field(8, ge=1, le=500, description="Connections to Redis, per process.")
    redis_queue: int = Field(256, ge=0, description="Operations that may wait for a connection before a 429.")
    redis_timeout_s: float = Field(20.0, gt=0, description="Longest wait for Redis, in seconds.")
    redis_exact_limit: int = Field(
        1000, ge=0, description="Vectors of a namespace up to which each is compared; above, by a Redis vector set."
    )
    redis_ef_search: int = Field(200, ge=1, description="Breadth of Redis's search in the vector set, at least.")

    max_upsert_vectors: int = Field(1000, ge=1, description="Vectors in one upsert.")
    max_upsert_bytes: int = Field(2 * 1024 * 1024, ge=1, description="Body of one upsert, in bytes.")
    max_top_k: int = Field(10_000, ge=1, description="Largest topK.")
    max_result_bytes: int = Field(4 * 1024 * 1024, ge=1, description="Result of one query or fetch, in bytes.")
    max_metadata_bytes: int = Field(40 * 1024, ge=1, description="Metadata of one record as JSON, in bytes.")
    max_id_length: int = Field(512, ge=1, description="Record id, in ASCII characters.")
    max_namespace_length: int = Field(512, ge=1, description="Namespace name, in characters.")
    max_dimension: int = Field(20_000, ge=1, description="Dimension of an index.")
    max_ids: int = Field(1000, ge=1, description="Ids in one fetch or delete.")
    max_list_limit: int = Field(100, ge=1, description="Entries on one page of a listing.")
    max_tags: int = Field(20, ge=1, description="Tags on an index.")
    max_search_text: int = Field(8192, ge=1, description="Text of one search, in characters.")
    search_depth: int = Field(
        160, ge=1, description="Ranks taken from each of dense and lexical before fusion, at least."
    )
