"""The web chat: its page, its files, questions to begin with, and an answer page for browsers without JavaScript."""

from contextlib import aclosing
from typing import Annotated
from urllib.parse import urlencode

from askmesh_kit.auth import require
from askmesh_kit.connection import while_connected
from askmesh_kit.errors import NotFound
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from askmesh_bot.answering.base import Failed
from askmesh_bot.conversations.service import Answered
from askmesh_bot.frontends.web.answer_page import answer_page, message_page
from askmesh_bot.frontends.web.assets import HTML, Asset, asset, asset_response, page_response, template
from askmesh_bot.frontends.web.examples import example_questions, learned_sources
from askmesh_bot.routes.failures import as_error

router = APIRouter(route_class=JsonRoute, tags=["web"])

_PUBLIC = frozenset({"public"})


class LearnedSource(BaseModel):
    """A source with documents to answer from."""

    id: str
    title: str
    documents: int


class Examples(BaseModel):
    """Where to begin."""

    examples: list[str] = Field(description="Questions that the learned sources answer.")
    sources: list[LearnedSource] = Field(description="What was learned, largest first; empty: nothing yet.")


Asked = Annotated[str, Query(max_length=20_000, description="A question to ask at once.")]


@router.get("/", summary="The web chat", response_class=Response, include_in_schema=False)
async def page(request: Request, q: Asked = "") -> Response:
    # Without JavaScript a deep link is answered by the plain page.
    plain = f'<noscript><meta http-equiv="refresh" content="0;url=/ask?{urlencode({"q": q})}"></noscript>' if q else ""
    body = template("index.html").substitute(no_script=plain)
    return asset_response(request, Asset(body.encode(), HTML))


@router.get("/static/{name}", response_class=Response, include_in_schema=False)
async def static(request: Request, name: str) -> Response:
    found = asset(name)
    if found is None:
        raise NotFound("There is no such file.")
    return asset_response(request, found)


@router.get("/favicon.ico", response_class=Response, include_in_schema=False)
async def favicon(request: Request) -> Response:
    return await static(request, "favicon.svg")


@router.get("/v1/examples", summary="Questions to begin with", dependencies=[Depends(require("read"))])
async def examples(request: Request, collection: str | None = None) -> Examples:
    wanted = collection or request.state.settings.collection
    async with request.state.database.read() as session:
        sources = await learned_sources(session, wanted)
        questions = await example_questions(session, wanted, [source for source, _, _ in sources])
    return Examples(
        examples=questions,
        sources=[LearnedSource(id=source, title=title, documents=count) for source, title, count in sources],
    )


@router.get("/ask", summary="A question answered as a page, without JavaScript", response_class=Response)
async def ask(request: Request, q: Asked) -> Response:
    question = q.strip()
    refusal = _refusal(request, question)
    if refusal:
        status, detail, fix = refusal
        return page_response(message_page(question, detail, fix), status)
    return await while_connected(request, _answered(request, question))


async def _answered(request: Request, question: str) -> Response:
    outcome = Failed("cut_short", "The answer ended before it was complete.", "Ask again.")
    events = request.state.conversations.ask(question, conversation_id=None, collection=None, audience=_PUBLIC)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answered):
                return page_response(answer_page(question, event.done))
            if isinstance(event, Failed):
                outcome = event
    return page_response(answer_page(question, outcome), status=as_error(outcome).status)


def _refusal(request: Request, question: str) -> tuple[int, str, str] | None:
    """Why a question is not asked: (status, detail, fix)."""
    if not question:
        return 400, "There is no question.", "Type one below."
    # An address that costs work must be opened by a person, not by an image on somebody else's page.
    if request.headers.get("sec-fetch-dest", "document") != "document":
        return 403, "This page is not for embedding.", "Open it by itself."
    if "read" not in request.app.state.keyring.identify(request).scopes:
        return 401, "This askmesh answers to people with an API key.", "Turn JavaScript on, which lets you enter one."
    return None
