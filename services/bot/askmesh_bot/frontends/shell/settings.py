"""Where the shell finds the bot, and the other services for `askmesh status`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from askmesh_bot.settings import EmbeddingsPeer, LlmPeer, VectordbPeer


class ShellSettings(BaseSettings):
    """Read from the environment and `.env`, like the bot's own."""

    model_config = SettingsConfigDict(
        env_prefix="ASKMESH_BOT_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )
    url: str = Field("", description="Address of the bot. Empty: this machine, at ASKMESH_BOT_PORT.")
    port: int = 8000
    api_key: SecretStr = Field(SecretStr(""), description="Sent as a bearer key.")

    @property
    def bot_url(self) -> str:
        """The bot's address without a trailing slash."""
        return (self.url or f"http://127.0.0.1:{self.port}").rstrip("/")


class _Ports(BaseSettings):
    """Where our own services listen, for those that have no `ASKMESH_<NAME>_URL`."""

    model_config = SettingsConfigDict(
        env_prefix="ASKMESH_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )
    embeddings_port: int = 8001
    vectordb_port: int = 8002
    llm_port: int = 8003


def service_urls(bot_url: str) -> dict[str, str]:
    """The four services by name."""
    ports = _Ports()
    peers = {
        "embeddings": (EmbeddingsPeer(), ports.embeddings_port),
        "vectordb": (VectordbPeer(), ports.vectordb_port),
        "llm": (LlmPeer(), ports.llm_port),
    }
    urls = {
        name: peer.url if "url" in peer.model_fields_set else f"http://127.0.0.1:{port}"
        for name, (peer, port) in peers.items()
    }
    return {"bot": bot_url, **{name: url.rstrip("/").removesuffix("/v1") for name, url in urls.items()}}
