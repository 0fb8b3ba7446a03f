"""`/v1/conversations/{id}`: what is remembered of a conversation, and forgetting it."""

from typing import Annotated

from askmesh_kit.auth import Caller, require
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Path, Request

from askmesh_bot.schemas import ConversationOut, conversation_out

router = APIRouter(route_class=JsonRoute, prefix="/v1/conversations", tags=["answering"])

Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="As an answer gave it.")]
Reader = Annotated[Caller, Depends(require("read"))]


@router.get("/{conversation_id}", summary="Read a conversation")
async def read(request: Request, conversation_id: Id, caller: Reader) -> ConversationOut:
    """Only the key that asked may read it; conversations without a key are readable to whoever knows the id."""
    conversation = await request.state.conversations.get(conversation_id, asker=caller.name)
    return conversation_out(conversation, request.state.settings.base_url)


@router.delete("/{conversation_id}", summary="Forget a conversation", status_code=204)
async def forget(request: Request, conversation_id: Id, caller: Reader) -> None:
    """Its questions, answers and feedback are deleted. What is not there is forgotten already."""
    await request.state.conversations.clear(conversation_id, asker=caller.name)
