"""`/v1/gaps` and `/v1/golden`: what the sources lack, and answers taken for right. For admins."""

from typing import Annotated

from askmesh_kit.auth import Caller, require
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Query, Request

from askmesh_bot.routes.review_schemas import (
    AddedGolden,
    GapsOut,
    Golden,
    GoldenList,
    NewGolden,
    gaps_out,
    golden_out,
)
from askmesh_bot.schemas import CollectionName

router = APIRouter(route_class=JsonRoute, prefix="/v1", tags=["review"])

Admin = Annotated[Caller, Depends(require("admin"))]
_Collection = Annotated[CollectionName | None, Query(description="Of one collection only.")]


@router.get("/gaps", summary="Unanswered questions by topic")
async def gaps(
    request: Request,
    _: Admin,
    days: Annotated[float, Query(gt=0, le=3650, description="How far back to look.")] = 30.0,
    collection: _Collection = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most topics.")] = 20,
) -> GapsOut:
    """Questions without an answer, and answers rated down, of conversations that are still kept."""
    found = await request.state.gaps.find(days, collection)
    return gaps_out(found, request.state.settings.base_url, limit)


@router.post("/golden", status_code=201, summary="Take an answer for right")
async def add_golden(request: Request, given: NewGolden, caller: Admin) -> AddedGolden:
    """It becomes a question to measure later answers by; again, to change its question or facts."""
    golden = request.state.golden
    row = await golden.add(given.answer_id, question=given.question, key_facts=given.key_facts, added_by=caller.name)
    return AddedGolden(**golden_out(row).model_dump(), follow_up=await golden.follows(row))


@router.get("/golden", summary="The golden answers by id, a page at a time")
async def list_golden(
    request: Request,
    _: Admin,
    collection: _Collection = None,
    after: Annotated[str, Query(max_length=64, description="The last id of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> GoldenList:
    rows = await request.state.golden.rows(collection, after, limit + 1)
    data: list[Golden] = [golden_out(row) for row in rows[:limit]]
    return GoldenList(data=data, next=data[-1].id if len(rows) > limit else None)


@router.delete("/golden/{answer_id}", status_code=204, summary="Golden no more")
async def remove_golden(request: Request, answer_id: str, _: Admin) -> None:
    await request.state.golden.remove(answer_id)
