"""The tables. Conversations and their answers; collections; and the journal that makes learning resumable."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, MetaData, String, Text, TypeDecorator, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in and out, kept in UTC: SQLite would forget the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can address it on any database."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[str]: JSON, list[dict[str, Any]]: JSON}  # noqa: RUF012 - SQLAlchemy's own way


class ConversationRow(Base):
    """A thread of questions. `asker` is the key, or the person of a frontend, whose conversation it is."""

    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    asker: Mapped[str] = mapped_column(String(128), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_at: Mapped[datetime] = mapped_column(default=now, index=True)


class AnswerRow(Base):
    """One exchange. `audience` is who could read it: a later, narrower audience does not see its turns."""

    __tablename__ = "answers"
    __table_args__ = (Index(None, "conversation_id", "created_at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    collection: Mapped[str] = mapped_column(String(64))
    audience: Mapped[list[str]]
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    citations: Mapped[list[dict[str, Any]]]
    passages: Mapped[list[dict[str, Any]]]
    model: Mapped[str] = mapped_column(String(255), default="")
    timings_ms: Mapped[dict[str, Any]]
    # The sources that whoever asked kept to; none: all.
    sources: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    created_at: Mapped[datetime] = mapped_column(default=now)


class AnswerThreadRow(Base):
    """An answer that holds words of a thread, which its authors may take back."""

    __tablename__ = "answer_threads"
    __table_args__ = (Index(None, "source", "document"),)

    answer_id: Mapped[str] = mapped_column(ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(String(128), primary_key=True)
    document: Mapped[str] = mapped_column(String(512), primary_key=True)


class FeedbackRow(Base):
    """What a reader thought of an answer; of each reader the latest verdict counts. `rater`: the key, or the person of a
    frontend, whose verdict it is; empty where that is not known."""

    __tablename__ = "feedback"

    answer_id: Mapped[str] = mapped_column(ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True)
    rater: Mapped[str] = mapped_column(String(128), primary_key=True, default="", server_default="")
    verdict: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class GoldenRow(Base):
    """An exchange that an admin took for right: a question to measure later answers by. Its id is the answer's.

    It outlives its conversation's time, but not its deletion by whoever asked.
    """

    __tablename__ = "golden"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(String(128), index=True)
    asker: Mapped[str] = mapped_column(String(128), index=True)
    collection: Mapped[str] = mapped_column(String(64))
    audience: Mapped[list[str]]
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    # False: the right answer was that the sources do not hold one.
    answerable: Mapped[bool]
    key_facts: Mapped[list[str]]
    places: Mapped[list[dict[str, Any]]]
    added_by: Mapped[str] = mapped_column(String(128), default="")
    added_at: Mapped[datetime] = mapped_column(default=now, index=True)


class CollectionRow(Base):
    """A body of knowledge as users name it, and where its records are: an index and a namespace in it."""

    __tablename__ = "collections"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    index: Mapped[str] = mapped_column("index_name", String(64))
    namespace: Mapped[str] = mapped_column(String(64))
    # Of the embedding model the records were made with; vectors of another are not comparable.
    fingerprint: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)


class SourceRow(Base):
    """Something learned from."""

    __tablename__ = "sources"

    collection: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(Text, default="")
    location: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    synced_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(16), default="new")
    error: Mapped[str] = mapped_column(Text, default="")


class DocumentRow(Base):
    """A document as last learned, with its text, which the reader shows."""

    __tablename__ = "documents"

    collection: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(128), primary_key=True)
    id: Mapped[str] = mapped_column(String(512), primary_key=True)
    title: Mapped[str] = mapped_column(Text, default="")
    path: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(String(16))
    content_hash: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    chunks: Mapped[int] = mapped_column(default=0)
    # Whether everyone may read it. Others see it in answers only, where their frontend knows who they are.
    public: Mapped[bool] = mapped_column(default=True, server_default=true())
    synced_at: Mapped[datetime] = mapped_column(default=now)


class ChunkRow(Base):
    """A record that is in the vector database, and the hashes of what it was embedded from and of what it carries.

    Empty hashes: the record may or may not be there yet.
    """

    __tablename__ = "chunks"
    __table_args__ = (Index(None, "collection", "source", "document"),)

    collection: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(512), primary_key=True)
    source: Mapped[str] = mapped_column(String(128))
    document: Mapped[str] = mapped_column(String(512))
    hash: Mapped[str] = mapped_column(String(64))
    metadata_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    position: Mapped[int]


class SyncRunRow(Base):
    """One run of learning a source, and how far it got."""

    __tablename__ = "sync_runs"
    __table_args__ = (Index(None, "collection", "source", "started_at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    collection: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(128))
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(16))
    documents_total: Mapped[int] = mapped_column(default=0)
    documents_done: Mapped[int] = mapped_column(default=0)
    chunks_embedded: Mapped[int] = mapped_column(default=0)
    chunks_deleted: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
