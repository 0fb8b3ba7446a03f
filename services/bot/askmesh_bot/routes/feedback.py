"""`POST /v1/feedback`: what a reader thought of an answer."""

from typing import Annotated

from askmesh_kit.auth import Caller, require
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request

from askmesh_bot.schemas import FeedbackRequest

router = APIRouter(route_class=JsonRoute, tags=["answering"])


@router.post("/v1/feedback", summary="Rate an answer", status_code=204)
async def feedback(
    request: Request, given: FeedbackRequest, caller: Annotated[Caller, Depends(require("read"))]
) -> None:
    """Of each key's verdicts on an answer the latest counts. Whoever knows an answer's id may rate it."""
    await request.state.conversations.feedback(given.answer_id, given.verdict, given.reason, rater=caller.name)
