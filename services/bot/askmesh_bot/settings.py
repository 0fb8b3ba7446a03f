"""Every knob of the bot. Peers and Discord have their own prefixes, so that one `.env` serves the whole mesh."""

from pathlib import Path
from typing import Literal

from askmesh_kit.settings import ServiceSettings
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from askmesh_bot.frontends.discord.settings import DiscordSettings


def _config(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(**ServiceSettings.model_config | {"env_prefix": prefix})


class PeerSettings(BaseSettings):
    """Where a peer is and how to call it. Any server that speaks the peer's protocol will do."""

    url: str = Field(description="Base URL of the peer.")
    api_key: SecretStr = Field(SecretStr(""), description="Sent as a bearer key.")
    timeout_s: float = Field(10.0, gt=0, description="Longest wait for one call, in seconds.")
    connect_timeout_s: float = Field(1.0, gt=0, description="Longest wait for a connection, in seconds.")


class EmbeddingsPeer(PeerSettings):
    """The embeddings service, or any OpenAI-compatible embeddings API."""

    model_config = _config("ASKMESH_EMBEDDINGS_")
    url: str = Field("http://127.0.0.1:8001", description="Base URL; any OpenAI-compatible embeddings API will do.")
    model: str = Field("", description="Model to ask for. Empty: the first that the service lists.")
    batch_size: int = Field(64, ge=1, le=2048, description="Texts per request while learning.")
    max_input_tokens: int = Field(
        256, ge=16, description="The model's input limit, where the service does not tell it."
    )


class VectordbPeer(PeerSettings):
    """The vector database service."""

    model_config = _config("ASKMESH_VECTORDB_")
    url: str = Field("http://127.0.0.1:8002", description="Base URL of the vector database service.")
    batch_size: int = Field(100, ge=1, le=1000, description="Records per upsert while learning.")


class LlmPeer(PeerSettings):
    """The LLM service, or any OpenAI-compatible chat API."""

    model_config = _config("ASKMESH_LLM_")
    url: str = Field("http://127.0.0.1:8003", description="Base URL; any OpenAI-compatible chat API will do.")
    model: str = Field("", description="Model to ask for. Empty: the first that the service lists.")
    timeout_s: float = Field(60.0, gt=0, description="Longest silence between two pieces of an answer, in seconds.")
    max_answer_tokens: int = Field(400, ge=16, description="Longest answer, in the model's tokens.")
    context_tokens: int = Field(4096, ge=512, description="The model's context, where the service does not tell it.")


class RerankerPeer(PeerSettings):
    """A cross-encoder that puts the passages found into a better order, before the best are read."""

    model_config = _config("ASKMESH_RERANKER_")
    url: str = Field(
        "",
        description="Base URL of a server with `/v1/rerank`, such as the embeddings service with a reranker; or, ending "
        "in `/rerank`, the whole address. Empty: none.",
    )
    timeout_s: float = Field(2.0, gt=0, description="Longest wait for it, in seconds; then the order stays as it was.")
    model: str = Field("", description="Model to ask for. Empty: none is named.")
    candidates: int = Field(20, ge=2, le=200, description="Passages that are put into a new order, the best ones.")
    rest_s: float = Field(30.0, ge=0, description="How long it is not asked again after a failure, in seconds.")


class AnsweringSettings(BaseSettings):
    """How questions are answered."""

    model_config = _config("ASKMESH_ANSWERING_")
    deadline_s: float = Field(60.0, gt=0, description="Longest time for one answer, in seconds.")
    candidates: int = Field(40, ge=1, le=200, description="Passages retrieved before packing.")
    passages: int = Field(8, ge=1, le=30, description="Most passages shown to the model.")
    min_chance: float = Field(
        0.4, ge=0, le=1, description="Probability that the passages hold an answer below which there is none."
    )
    min_support: float = Field(
        0.5, ge=0, le=1, description="Share of a sentence's terms its cited passages must hold to support it."
    )
    min_closeness: float = Field(
        0.55, description="Cosine of a sentence to a cited passage that also supports it, in other words."
    )
    unsupported: Literal["drop", "mark"] = Field(
        "drop", description="What becomes of a sentence that its passages do not support."
    )
    search_timeout_s: float = Field(4.0, gt=0, description="Longest wait for each step before the writing, in seconds.")
    history_turns: int = Field(4, ge=0, le=20, description="Earlier turns of the conversation that are read.")
    rewrite: Literal["auto", "rules"] = Field(
        "auto", description="Follow-ups are completed by the language model where it writes freely, or by rules only."
    )
    rewrite_timeout_s: float = Field(
        3.0, gt=0, description="Longest wait for the model to complete a follow-up, in seconds; then rules do."
    )
    max_question_chars: int = Field(2000, ge=10, description="Longest question, in characters.")
    concurrent_answers: int = Field(16, ge=1, description="Answers written at once; more wait, then get a 429.")
    waiting_answers: int = Field(64, ge=0, description="Questions that may wait for their turn.")
    waiting_s: float = Field(5.0, ge=0, description="Longest wait for a turn, in seconds.")


class ConversationSettings(BaseSettings):
    """What is remembered of conversations, and for how long."""

    model_config = _config("ASKMESH_CONVERSATIONS_")
    keep_days: float = Field(30.0, gt=0, description="Conversations not continued for this long are deleted, in days.")
    resume_hours: float = Field(
        12.0, gt=0, description="Turns older than this no longer explain a follow-up, in hours."
    )
    most_answers: int = Field(500, ge=1, description="Answers kept of one conversation; the oldest go first.")
    most_conversations: int = Field(100_000, ge=1, description="Conversations kept; the longest idle go first.")


class ReviewSettings(BaseSettings):
    """What is learned from use: unanswered questions, and answers taken for right."""

    model_config = _config("ASKMESH_REVIEW_")
    gap_questions: int = Field(
        300, ge=1, le=1000, description="Unanswered questions that are sorted into topics at once."
    )
    gap_closeness: float = Field(0.5, ge=-1, le=1, description="Mean cosine from which questions are of one topic.")
    golden_days: float = Field(730.0, gt=0, description="Golden answers are deleted after this long, in days.")
    most_golden: int = Field(10_000, ge=1, description="Golden answers kept; more are refused.")


class LearningSettings(BaseSettings):
    """How sources are learned."""

    model_config = _config("ASKMESH_LEARNING_")
    chunk_tokens: int = Field(
        400, ge=32, le=8192, description="Longest chunk with its header, in tokens; less where the encoder reads less."
    )
    window_chunks: int = Field(64, ge=1, le=2048, description="Chunks embedded and stored at a time.")
    max_file_bytes: int = Field(1_000_000, ge=1, description="Largest file that is read, in bytes.")
    max_documents: int = Field(50_000, ge=1, description="Most documents of one source.")
    max_sources: int = Field(1_000, ge=1, description="Most sources of one collection.")
    concurrent_syncs: int = Field(2, ge=1, description="Sources learned at once; more wait.")
    timeout_s: float = Field(
        120.0, gt=0, description="Longest wait for one call to a service while learning, in seconds."
    )
    retry_s: float = Field(60.0, ge=0, description="How long a service may be away before a run gives up, in seconds.")


class Settings(ServiceSettings):
    """The bot's own settings, with its peers' beside them."""

    model_config = _config("ASKMESH_BOT_")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    request_deadline_s: float = Field(90.0, gt=0, description="Longest wait for a response to start, in seconds.")
    public_url: str = Field("", description="Address people reach the bot at, for links. Empty: http://host:port.")
    database_url: str = Field(
        "sqlite+aiosqlite:///.askmesh/bot.db", description="SQLAlchemy URL of the bot's database."
    )
    collection: str = Field(
        "default", pattern=r"^[a-z0-9][a-z0-9-]{0,44}$", description="The collection asked by default."
    )
    learn_roots: list[Path] = Field(
        default_factory=list,
        description="Folders that `/v1/sources` may learn from, as a JSON list. Empty: any, on loopback only.",
    )

    embeddings: EmbeddingsPeer = Field(default_factory=EmbeddingsPeer)
    vectordb: VectordbPeer = Field(default_factory=VectordbPeer)
    llm: LlmPeer = Field(default_factory=LlmPeer)
    reranker: RerankerPeer = Field(default_factory=RerankerPeer)
    answering: AnsweringSettings = Field(default_factory=AnsweringSettings)
    conversations: ConversationSettings = Field(default_factory=ConversationSettings)
    review: ReviewSettings = Field(default_factory=ReviewSettings)
    learning: LearningSettings = Field(default_factory=LearningSettings)
    discord: DiscordSettings = Field(default_factory=DiscordSettings)

    @property
    def base_url(self) -> str:
        """The address that links to the bot's own pages start with, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
