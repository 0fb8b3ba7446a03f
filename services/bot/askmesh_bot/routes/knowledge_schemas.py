"""Wire shapes of `/v1/sources` and `/v1/documents`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from askmesh_bot.database.models import SourceRow, SyncRunRow
from askmesh_bot.knowledge.audience import LABEL
from askmesh_bot.knowledge.progress import SyncProgress

_Glob = Annotated[str, Field(min_length=1, max_length=300)]


class Options(BaseModel):
    """What to learn of a source."""

    include: list[_Glob] = Field(
        default_factory=list, max_length=100, description="Only paths that match one of these."
    )
    exclude: list[_Glob] = Field(default_factory=list, max_length=100, description="No path that matches one of these.")
    private: bool = Field(
        False,
        description="Private and undocumented Python objects too; of chats, private channels and direct messages.",
    )
    audience: list[Annotated[str, Field(pattern=LABEL)]] | None = Field(
        None,
        max_length=50,
        description="Who may see it, by any of these labels: public, guild:ID, role:ID, channel:ID. Left out: as it was, "
        "which is everyone for a new source.",
    )


class NewSource(BaseModel):
    """Something to learn from."""

    kind: Literal["folder", "python", "threads", "tree"] = Field(
        description="folder: documents. python: a package's docstrings, by import name or path. tree: both. threads: chat "
        "exports."
    )
    location: str = Field(
        min_length=1, max_length=4096, description="A path on the bot's machine, or a package's name."
    )
    title: str = Field("", max_length=200, description="What people call it. Empty: the last part of the location.")
    collection: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]{0,44}$")
    link: str = Field(
        "",
        max_length=2000,
        description="Template of the links, with {path}, {line_start}, {line_end}, {anchor}, {symbol}. Empty: the bot's "
        "own reader.",
    )
    options: Options = Field(default_factory=Options)
    stream: bool = Field(False, description="Answer with server-sent events: progress …, then done or error.")


class SyncRequest(BaseModel):
    """How to be told of a run."""

    stream: bool = False


class Started(BaseModel):
    """A run that is under way in the background."""

    run: str
    source: str


class Progress(BaseModel):
    """How far a run is. Rates are chunks per second, times seconds."""

    run: str
    source: str
    state: Literal["running", "done", "failed", "cancelled"]
    documents_total: int | None
    documents_done: int
    documents_changed: int
    documents_deleted: int
    chunks_embedded: int
    chunks_kept: int
    chunks_deleted: int
    chunks_per_s: float
    elapsed_s: float
    seconds_left: float | None
    note: str
    error: str
    fix: str

    @classmethod
    def of(cls, progress: SyncProgress) -> "Progress":
        left = progress.seconds_left
        shown = {name: value for name, value in vars(progress).items() if not name.startswith("_")}
        return cls(
            **shown,
            chunks_per_s=round(progress.chunks_per_s, 1),
            elapsed_s=round(progress.elapsed_s, 2),
            seconds_left=None if left is None else round(left, 1),
        )


class SourceSummary(BaseModel):
    """A source as it stands. `status` is new, syncing, ready or failed."""

    id: str
    collection: str
    kind: str
    title: str
    location: str
    link: str
    # Labels of who may see it; none: as its documents say, mostly everyone.
    audience: list[str]
    status: str
    error: str
    documents: int
    chunks: int
    created_at: datetime
    synced_at: datetime | None
    progress: Progress | None = None

    @classmethod
    def of(cls, row: SourceRow, documents: int, chunks: int, progress: SyncProgress | None) -> "SourceSummary":
        return cls(
            id=row.id,
            collection=row.collection,
            kind=row.kind,
            title=row.title,
            location=row.location,
            link=str(row.options.get("link", "")),
            audience=list(row.options.get("audience") or []),
            status=row.status,
            error=row.error,
            documents=documents,
            chunks=chunks,
            created_at=row.created_at,
            synced_at=row.synced_at,
            progress=Progress.of(progress) if progress else None,
        )


class Run(BaseModel):
    """The last run of a source, as the journal has it."""

    id: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    documents_total: int
    documents_done: int
    chunks_embedded: int
    chunks_deleted: int
    error: str


class SourceDetail(SourceSummary):
    """A source with its options and its last run."""

    options: Options
    last_run: Run | None

    @classmethod
    def of_run(
        cls, counted: tuple[SourceRow, int, int], progress: SyncProgress | None, run: SyncRunRow | None
    ) -> "SourceDetail":
        summary = SourceSummary.of(*counted, progress)
        last = Run(**{name: getattr(run, name) for name in Run.model_fields}) if run else None
        return cls(**summary.model_dump(), options=Options.model_validate(counted[0].options), last_run=last)


class SourceList(BaseModel):
    data: list[SourceSummary]


class DocumentSummary(BaseModel):
    """One learned document."""

    id: str
    title: str
    path: str
    kind: str
    chunks: int
    synced_at: datetime


class DocumentList(BaseModel):
    """A page of documents; `next` is what to send as `after` for the next one."""

    data: list[DocumentSummary]
    next: str | None


class Forgotten(BaseModel):
    """What was deleted, with the number of its records."""

    id: str
    deleted: bool
    records: int


def document_summary(row: tuple[str, str, str, str, int, datetime]) -> DocumentSummary:
    """A journal row on the wire."""
    return DocumentSummary(**dict(zip(DocumentSummary.model_fields, row, strict=True)))
