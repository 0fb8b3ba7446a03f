"""Wire shapes of the moves."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class CreateMoveRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: str = Field(min_length=1, max_length=200, description="A store's name: local, postgres, …, or of MOVE_TARGETS.")
    replace: bool = Field(False, description="Whether records that the target holds already may be replaced.")


class MoveDescription(BaseModel):
    """Times are Unix seconds."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: str
    origin: str = Field(alias="from")
    target: str = Field(alias="to")
    phase: Literal["dual", "backfill", "verify", "ready", "reversed", "finished", "rolled_back"]
    records: int = Field(description="Records in all when the backfill began.")
    copied: int = Field(description="Records copied by the backfill.")
    compared: int = Field(description="Records compared by the verification.")
    pending: int = Field(description="Changes that the second store has yet to follow.")
    repaired: int = Field(description="Records that differed though no write explains it, and were copied again.")
    overlap: float | None = Field(description="Mean share of the nearest neighbours that both stores find.")
    error: str | None = Field(description="What delays the move now.")
    created: float
    updated: float


class MoveList(BaseModel):
    moves: list[MoveDescription]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    fix: str | None = None


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}, "description": description}
    for status, description in {
        "4XX": "It cannot be done as it is, or not now (409).",
        "5XX": "A store, or the journal of moves, cannot be used.",
    }.items()
}
