"""`/v1/sources` and `/v1/documents`: learn, list, sync, forget."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from askmesh_kit.auth import Caller, require
from askmesh_kit.errors import InvalidRequest
from askmesh_kit.json_body import JsonRoute
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from askmesh_bot.database.models import SourceRow
from askmesh_bot.knowledge.audience import PUBLIC
from askmesh_bot.knowledge.journal import spec_of
from askmesh_bot.knowledge.library import Library, unknown_source
from askmesh_bot.knowledge.progress import SyncProgress
from askmesh_bot.knowledge.sources.locations import resolve_location
from askmesh_bot.knowledge.sources.spec import SourceOptions, SourceSpec, link_problem, source_id
from askmesh_bot.routes.knowledge_schemas import (
    DocumentList,
    Forgotten,
    NewSource,
    Progress,
    SourceDetail,
    SourceList,
    SourceSummary,
    Started,
    SyncRequest,
    document_summary,
)
from askmesh_bot.settings import Settings

router = APIRouter(route_class=JsonRoute, prefix="/v1", tags=["knowledge"])

_WRITE = [Depends(require("write"))]
_Reader = Annotated[Caller, Depends(require("read"))]
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Progress, where `stream` is true"}
}


def library(request: Request) -> Library:
    """The library that `create_app` made."""
    found: Library = request.state.library
    return found


_Library = Annotated[Library, Depends(library)]


@router.post(
    "/sources",
    status_code=202,
    response_model=Started,
    responses=_EVENTS,
    dependencies=_WRITE,
    summary="Learn a source, or learn it again with other options",
)
async def add_source(body: NewSource, request: Request, shelf: _Library) -> Started | Response:
    spec = _spec(body, request.state.settings)
    if body.options.audience is None and (known := await shelf.journal.source(spec.id)):
        # Learning again, to bring it up to date, must not open a source to everyone by the way.
        spec = replace(spec, options=replace(spec.options, audience=spec_of(known).options.audience))
    await shelf.add(spec)
    return await _started(spec.id, body.stream, shelf)


@router.get("/sources", summary="The sources, and how they are; without the scope write, those open to everyone")
async def list_sources(
    shelf: _Library, caller: _Reader, collection: Annotated[str | None, Query(max_length=64)] = None
) -> SourceList:
    rows = [row for row in await shelf.journal.sources(collection) if _may_see(caller, row[0])]
    return SourceList(data=[SourceSummary.of(*row, shelf.progress(row[0].id)) for row in rows])


@router.get("/sources/{source}", summary="One source and its last run")
async def get_source(source: str, shelf: _Library, caller: _Reader) -> SourceDetail:
    row = await _seen(shelf, source, caller)
    counts = next(found for found in await shelf.journal.sources(row.collection) if found[0].id == source)
    return SourceDetail.of_run(counts, shelf.progress(source), await shelf.journal.last_run(source))


@router.post(
    "/sources/{source}/sync",
    status_code=202,
    response_model=Started,
    responses=_EVENTS,
    dependencies=_WRITE,
    summary="Bring a source up to date",
)
async def sync_source(source: str, shelf: _Library, body: SyncRequest | None = None) -> Started | Response:
    return await _started(source, bool(body and body.stream), shelf)


@router.delete("/sources/{source}", dependencies=_WRITE, summary="Forget a source and all that was learned from it")
async def forget_source(source: str, shelf: _Library) -> Forgotten:
    return Forgotten(id=source, deleted=True, records=await shelf.forget(source))


@router.get("/documents", summary="A source's documents by id, a page at a time")
async def list_documents(
    shelf: _Library,
    caller: _Reader,
    source: Annotated[str, Query(max_length=128)],
    after: Annotated[str, Query(max_length=512, description="The last id of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DocumentList:
    await _seen(shelf, source, caller)
    rows = await shelf.journal.documents(source, after, limit + 1, public_only="write" not in caller.scopes)
    data = [document_summary(row) for row in rows[:limit]]
    return DocumentList(data=data, next=data[-1].id if len(rows) > limit else None)


@router.delete(
    "/documents/{source}/{document:path}",
    dependencies=_WRITE,
    summary="Forget one document, until its source is synced again",
)
async def forget_document(source: str, document: str, shelf: _Library) -> Forgotten:
    return Forgotten(id=document, deleted=True, records=await shelf.forget_document(source, document))


def _may_see(caller: Caller, row: SourceRow) -> bool:
    audience = row.options.get("audience") or [PUBLIC]
    return PUBLIC in audience or "write" in caller.scopes


async def _seen(shelf: Library, source: str, caller: Caller) -> SourceRow:
    """A source that the caller may know of. Raises NotFound."""
    row = await shelf.get(source)
    if not _may_see(caller, row):
        raise unknown_source(source)
    return row


async def _started(source: str, stream: bool, shelf: Library) -> Started | Response:
    progress = await shelf.start(source)
    if not stream:
        return Started(run=progress.run, source=source)
    return StreamingResponse(
        _events(shelf, source, progress),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _events(shelf: Library, source: str, first: SyncProgress) -> AsyncIterator[str]:
    last = first
    async for last in shelf.follow(source):
        if last.state == "running":
            yield f"event: progress\ndata: {Progress.of(last).model_dump_json()}\n\n"
    yield f"event: {'done' if last.state == 'done' else 'error'}\ndata: {Progress.of(last).model_dump_json()}\n\n"


def _spec(body: NewSource, settings: Settings) -> SourceSpec:
    collection = body.collection or settings.collection
    location = resolve_location(body.kind, body.location, settings.learn_roots, anywhere=settings.on_loopback)
    if body.link and (problem := link_problem(body.link)):
        raise InvalidRequest(f"This can't be used as a link: {problem}.", code="invalid_link", param="link")
    title = body.title or Path(location).name or location
    options = SourceOptions(
        tuple(body.options.include),
        tuple(body.options.exclude),
        body.options.private,
        tuple(body.options.audience or ()),
    )
    return SourceSpec(
        source_id(collection, body.kind, location), collection, body.kind, location, title, body.link, options
    )
