"""Structured logs: console lines on a terminal, JSON elsewhere, with the request id in each and secrets masked."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from askmesh_kit import context

_SECRET_NAMES = ("authorization", "api_key", "api-key", "token", "secret", "password", "cookie")


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if current := context.request_id.get():
        event.setdefault("request_id", current)
    return event


def _mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name in event:
        if name.lower().endswith(_SECRET_NAMES):
            event[name] = "***"
    return event


def configure(service: str, level: str, log_format: Literal["auto", "console", "json"]) -> None:
    """Route structlog and the standard library's loggers to standard error in one format."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        _add_request_id,
        _mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("httpx2").setLevel("WARNING")
    logging.getLogger("httpx").setLevel("WARNING")
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events are snake_case names with keyword fields: `log.info("synced", documents=3)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
