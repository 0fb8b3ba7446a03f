"""The wire shapes: Pinecone's own, and those of the two extensions."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Number = Annotated[float, Field(strict=True)]
# Of what a client sends the first wrong item is told: telling a million of them would take seconds.
_FIRST_ERROR = Field(fail_fast=True)
Numbers = Annotated[list[Number], _FIRST_ERROR]


class Camel(BaseModel):
    """Data plane bodies: camelCase on the wire, strict types, unknown fields ignored as Pinecone does."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True)


class Vector(Camel):
    id: str
    values: Numbers = []
    sparse_values: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class UpsertRequest(Camel):
    vectors: Annotated[list[Vector], _FIRST_ERROR]
    namespace: str = ""


class UpsertResponse(Camel):
    upserted_count: int


class QueryRequest(Camel):
    top_k: int
    vector: Numbers | None = None
    id: str | None = None
    namespace: str = ""
    filter: dict[str, Any] | None = None
    include_values: bool = False
    include_metadata: bool = False
    sparse_vector: dict[str, Any] | None = None


class ScoredVector(Camel):
    id: str
    score: float
    values: list[float] | None = None
    metadata: dict[str, Any] | None = None


class Usage(Camel):
    read_units: int


class QueryResponse(Camel):
    matches: list[ScoredVector]
    namespace: str
    usage: Usage


class Pagination(Camel):
    next: str


class FetchResponse(Camel):
    vectors: dict[str, Vector]
    namespace: str
    usage: Usage
    pagination: Pagination | None = None


class FetchByMetadataRequest(Camel):
    filter: dict[str, Any]
    namespace: str = ""
    limit: int = 100
    pagination_token: str | None = None


class ListItem(Camel):
    id: str


class ListResponse(Camel):
    vectors: list[ListItem]
    pagination: Pagination | None = None
    namespace: str
    usage: Usage


class UpdateRequest(Camel):
    id: str | None = None
    values: Numbers | None = None
    sparse_values: dict[str, Any] | None = None
    set_metadata: dict[str, Any] | None = None
    namespace: str = ""
    filter: dict[str, Any] | None = None
    dry_run: bool = False


class UpdateResponse(Camel):
    matched_records: int


class DeleteRequest(Camel):
    ids: Annotated[list[str], _FIRST_ERROR] | None = None
    delete_all: bool = False
    filter: dict[str, Any] | None = None
    namespace: str = ""


class StatsRequest(Camel):
    filter: dict[str, Any] | None = None


class NamespaceSummary(Camel):
    vector_count: int


class StatsResponse(Camel):
    namespaces: dict[str, NamespaceSummary]
    dimension: int
    index_fullness: float
    total_vector_count: int
    metric: str
    vector_type: str


class SearchRequest(Camel):
    """The hybrid search extension: at least one of `text` and `vector`."""

    text: str | None = None
    vector: Numbers | None = None
    top_k: int = 10
    filter: dict[str, Any] | None = None
    namespace: str = ""
    fusion: Literal["rrf"] = "rrf"
    include_metadata: bool = True
    include_values: bool = False


class Ranks(Camel):
    """Places from 1 in each ranking; null where a ranking does not have the match within its depth."""

    dense: int | None
    lexical: int | None


class Scores(Camel):
    """The cosine similarity (for every match, when a vector was given) and BM25."""

    dense: float | None
    lexical: float | None


class SearchMatch(Camel):
    id: str
    score: float
    metadata: dict[str, Any] | None = None
    values: list[float] | None = None
    ranks: Ranks
    scores: Scores


class SearchResponse(Camel):
    matches: list[SearchMatch]
    namespace: str


class CreateNamespaceRequest(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    namespace_schema: dict[str, Any] | None = Field(None, alias="schema")


class NamespaceDescription(BaseModel):
    name: str
    record_count: int


class NamespaceList(BaseModel):
    namespaces: list[NamespaceDescription]
    pagination: Pagination | None = None
    total_count: int


class CreateIndexRequest(BaseModel):
    """Either today's `schema` with one dense vector field, or the older `dimension` and `metric`."""

    model_config = ConfigDict(strict=True)

    name: str
    dimension: int | None = None
    metric: str | None = None
    vector_type: str | None = None
    index_schema: dict[str, Any] | None = Field(None, alias="schema")
    tags: dict[str, str] | None = None
    deletion_protection: Literal["enabled", "disabled"] | None = None


class ConfigureIndexRequest(BaseModel):
    model_config = ConfigDict(strict=True)

    tags: dict[str, str] | None = None
    deletion_protection: Literal["enabled", "disabled"] | None = None


class IndexStatus(BaseModel):
    ready: bool
    state: str


class Index(BaseModel):
    """Readable by today's clients (`schema`, `deployment`) and by older ones (`dimension`, `metric`, `spec`)."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    host: str
    dimension: int
    metric: str
    vector_type: str = "dense"
    status: IndexStatus
    index_schema: dict[str, Any] = Field(alias="schema")
    deployment: dict[str, Any]
    spec: dict[str, Any]
    deletion_protection: Literal["enabled", "disabled"]
    tags: dict[str, str] | None = None


class IndexList(BaseModel):
    indexes: list[Index]


class CapabilitiesResponse(BaseModel):
    store: str
    durable_writes: bool = Field(description="A 200 on a write means that it is on the disk.")
    read_your_writes: bool = Field(description="The next read sees every write that was answered.")
    atomic_requests: bool = Field(description="A request's records are written together or not at all.")
    lexical: Literal["native", "companion", "none"]
    search: str
    sparse_values: bool
    metrics: list[str]
    limits: dict[str, int]


class Empty(BaseModel):
    """`{}`"""


class ErrorCode(BaseModel):
    code: str
    message: str


class PineconeError(BaseModel):
    """google.rpc's status, as the data plane's clients read it, with the control plane's members beside it."""

    code: int
    message: str
    details: list[dict[str, Any]]
    status: int
    error: ErrorCode


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": PineconeError, "description": "The request cannot be answered as it is, or not now (429)."},
    "5XX": {"model": PineconeError, "description": "The store cannot answer; `details` says whether to try again."},
}
