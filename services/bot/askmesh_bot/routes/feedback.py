"""`POST /v1/feedback`: what a reader thought of an answer."""

from askmesh_kit.auth import require
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Request

from askmesh_bot.schemas import FeedbackRequest

router = APIRouter(route_class=JsonRoute, tags=["answering"])


@router.post("/v1/feedback", summary="Rate an answer", status_code=204, dependencies=[Depends(require("read"))])
async def feedback(request: Request, given: FeedbackRequest) -> None:
    """The latest verdict on an answer counts. Whoever knows an answer's id may rate it."""
    await request.state.conversations.feedback(given.answer_id, given.verdict, given.reason)
