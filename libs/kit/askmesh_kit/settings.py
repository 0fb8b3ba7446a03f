"""The settings every service has. A service subclasses `ServiceSettings` and adds its own knobs."""

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Scope = Literal["read", "write", "admin"]
ALL_SCOPES: frozenset[Scope] = frozenset({"read", "write", "admin"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "testserver"})


class ServiceSettings(BaseSettings):
    """Read from the environment and `.env`, with the prefix a subclass sets, e.g. `ASKMESH_LLM_PORT`."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; any but loopback needs keys.")
    port: int = Field(8000, ge=1, le=65535)
    workers: int = Field(1, ge=1, description="Worker processes.")
    api_keys: SecretStr = Field(
        SecretStr(""), description="Comma-separated `key` or `key=scope+scope`; scopes are read, write, admin."
    )
    anonymous_scopes: Annotated[frozenset[Scope] | None, NoDecode] = Field(
        None, description="What callers without a key may do, e.g. `read`. Unset: everything on loopback, else nothing."
    )
    allowed_hosts: Annotated[frozenset[str] | None, NoDecode] = Field(
        None,
        description="Comma-separated host names that requests may be addressed to, which stops DNS rebinding. "
        "Unset: loopback names where a keyless service listens on loopback, else any.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, else json."
    )
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1, description="Largest request body, in bytes.")
    max_json_depth: int = Field(64, ge=1, le=190, description="Deepest nesting of a JSON body.")
    request_deadline_s: float = Field(60.0, gt=0, description="Longest wait for a response to start, in seconds.")
    shutdown_grace_s: int = Field(20, ge=1, description="Time that running requests get after SIGTERM, in seconds.")

    @field_validator("anonymous_scopes", "allowed_hosts", mode="before")
    @classmethod
    def _split_scopes_and_hosts(cls, value: object) -> object:
        return [part for part in value.replace("+", ",").split(",") if part] if isinstance(value, str) else value

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def effective_anonymous_scopes(self) -> frozenset[Scope]:
        """What a caller without a key may do, defaults resolved."""
        if self.anonymous_scopes is not None:
            return self.anonymous_scopes
        return ALL_SCOPES if self.on_loopback and not self.api_keys.get_secret_value() else frozenset()

    @property
    def effective_allowed_hosts(self) -> frozenset[str] | None:
        """Host names that are answered, defaults resolved; None for any."""
        if self.allowed_hosts is not None:
            return self.allowed_hosts
        return LOOPBACK_NAMES if self.on_loopback and not self.api_keys.get_secret_value() else None

    def check_exposure(self) -> None:
        """Refuse to serve strangers by accident. Raises SystemExit with the remedy."""
        if self.on_loopback or self.api_keys.get_secret_value() or self.anonymous_scopes is not None:
            return
        prefix = self.model_config.get("env_prefix", "")
        raise SystemExit(
            f"refusing to listen on {self.host} without keys: set {prefix}API_KEYS=<key> (or <key>=read+write), "
            f"or set {prefix}ANONYMOUS_SCOPES=read to serve strangers on purpose, or {prefix}HOST=127.0.0.1"
        )
