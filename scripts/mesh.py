"""What the mesh consists of on this machine: which services run here, where they listen, where their state lies."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from askmesh_bot.settings import Settings as BotSettings
from askmesh_embeddings.settings import Settings as EmbeddingsSettings
from askmesh_kit.settings import ServiceSettings
from askmesh_llm.settings import Settings as LlmSettings
from askmesh_vectordb.settings import Settings as VectordbSettings

ROOT = Path(__file__).resolve().parent.parent
PEERS: dict[str, type[ServiceSettings]] = {
    "embeddings": EmbeddingsSettings,
    "vectordb": VectordbSettings,
    "llm": LlmSettings,
}


@dataclass(frozen=True)
class Service:
    """One of the four services, as its settings have it."""

    name: str
    host: str
    port: int
    grace_s: int
    # Set where the bot was pointed at another server by `ASKMESH_<NAME>_URL`: nothing is started here then.
    elsewhere: str = ""

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return self.elsewhere or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def port_variable(self) -> str:
        return f"ASKMESH_{self.name.upper()}_PORT"

    @property
    def module(self) -> str:
        return f"askmesh_{self.name}"


@dataclass(frozen=True)
class Mesh:
    """The four services and the folder they keep their state in (`.askmesh` under the working directory)."""

    directory: Path
    services: tuple[Service, ...]

    @property
    def state(self) -> Path:
        return self.directory / ".askmesh"

    @property
    def local(self) -> tuple[Service, ...]:
        """The services that run on this machine."""
        return tuple(service for service in self.services if not service.elsewhere)

    def service(self, name: str) -> Service:
        return next(service for service in self.services if service.name == name)

    def log(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"

    def settings_digest(self) -> str:
        """Another one whenever a setting is changed, in the environment or in `.env`."""
        told = sorted(item for item in os.environ.items() if item[0].upper().startswith("ASKMESH_"))
        file = self.directory / ".env"
        text = file.read_text(errors="replace") if file.exists() else ""
        return hashlib.sha256(json.dumps([told, text]).encode()).hexdigest()

    def environment(self) -> dict[str, str]:
        """The environment the services start with: each is told where the others are, unless the user said so."""
        urls = {
            f"ASKMESH_{service.name.upper()}_URL": service.url for service in self.services if service.name in PEERS
        }
        # The extractive engine weighs sentences by meaning where it can reach the encoder.
        urls["ASKMESH_LLM_EMBEDDINGS_URL"] = LlmSettings().embeddings_url or self.service("embeddings").url
        return urls | os.environ


def load(directory: Path) -> Mesh:
    """Read the services' own settings (environment and `.env`), so that there is one place to change a port."""
    bot = BotSettings()
    services = [_service("bot", bot)]
    for name, settings_type in PEERS.items():
        peer = getattr(bot, name)
        service = _service(name, settings_type())
        told = "url" in peer.model_fields_set and peer.url.rstrip("/") not in _names_of(service)
        services.append(_service(name, settings_type(), peer.url if told else ""))
    return Mesh(directory, tuple(services))


def _service(name: str, settings: ServiceSettings, elsewhere: str = "") -> Service:
    return Service(name, settings.host, settings.port, settings.shutdown_grace_s, elsewhere)


def _names_of(service: Service) -> set[str]:
    return {service.url, f"http://localhost:{service.port}", f"http://127.0.0.1:{service.port}"}
