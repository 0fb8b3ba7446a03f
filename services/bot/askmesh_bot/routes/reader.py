"""`/read/…`: a document as it was learned, with the cited lines marked."""

import secrets
from typing import Annotated

from askmesh_kit.auth import require
from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from askmesh_bot.knowledge.library import Library
from askmesh_bot.routes.knowledge import library
from askmesh_bot.routes.reader_page import content_security_policy, missing_page, reader_page

router = APIRouter(tags=["knowledge"])

_Line = Annotated[int, Query(ge=0, le=10_000_000)]


@router.get(
    "/read/{collection}/{source}/{path:path}",
    response_class=HTMLResponse,
    dependencies=[Depends(require("read"))],
    summary="A document as learned, with lines marked",
)
async def read(
    collection: str,
    source: str,
    path: str,
    shelf: Annotated[Library, Depends(library)],
    line_start: _Line = 0,
    line_end: _Line = 0,
) -> HTMLResponse:
    document = await shelf.journal.document(collection, source, path)
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": content_security_policy(nonce),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    if document is None or not document.public:
        # A page as well: old citations are followed by people. Who may see what is not for everyone is not known here.
        return HTMLResponse(missing_page(path=path, nonce=nonce), 404, headers=headers)
    row = await shelf.journal.source(source)
    page = reader_page(
        title=document.title,
        source=row.title if row else source,
        path=document.path,
        text=document.text,
        synced_at=document.synced_at,
        marked=range(line_start, max(line_start, line_end) + 1) if line_start else range(0),
        nonce=nonce,
    )
    return HTMLResponse(page, headers=headers)
