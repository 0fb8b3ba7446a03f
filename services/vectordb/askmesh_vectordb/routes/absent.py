"""What Pinecone's SDKs offer and this service does not: refused in words, where a bare 404 would seem to say that the
index is not there."""

from collections.abc import Awaitable, Callable

from askmesh_kit.auth import require
from askmesh_kit.errors import InvalidRequest
from fastapi import APIRouter, Depends

router = APIRouter(dependencies=[Depends(require("read"))], include_in_schema=False)

_EMBED = "Embed first, and upsert the vectors; POST …/search takes the text beside the vector."
_ABSENT = {
    "/indexes/create-for-model": _EMBED,
    "/indexes/{index}/records/namespaces/{rest:path}": _EMBED,
    "/indexes/{index}/bulk/imports": "Upsert the vectors in requests.",
    "/indexes/{index}/bulk/imports/{rest:path}": "Upsert the vectors in requests.",
    "/indexes/{index}/backups": "Use the command askmesh-vectordb backup.",
}


class NotOffered(InvalidRequest):
    code = "not_offered"


def _refusal(fix: str) -> Callable[[], Awaitable[None]]:
    async def refuse() -> None:
        raise NotOffered("This service has no embedding models, imports from object stores or remote backups.", fix=fix)

    return refuse


for _path, _fix in _ABSENT.items():
    router.add_api_route(_path, _refusal(_fix), methods=["GET", "POST", "DELETE"])
