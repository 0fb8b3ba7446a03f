"""Puts the plumbing around a service's routers. A service's own `app.py` calls this and does its wiring only."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI

from askmesh_kit import errors, health, logs
from askmesh_kit.auth import Keyring
from askmesh_kit.metrics import Metrics
from askmesh_kit.middleware import RequestMiddleware
from askmesh_kit.settings import ServiceSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]


def build_app(
    *,
    name: str,
    version: str,
    description: str,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    metrics: Metrics | None = None,
    checks: Mapping[str, health.Check] | None = None,
    optional_checks: Mapping[str, health.Check] | None = None,
    error_dialects: Mapping[str, errors.ErrorRenderer] | None = None,
) -> FastAPI:
    """A FastAPI app with askmesh's health, metrics, errors, request ids, deadlines, caps and keys.

    `checks` decide `/readyz`; `optional_checks` only mark it degraded. `error_dialects` maps path prefixes to the error
    object their clients expect; everywhere else it is problem+json. What `lifespan` yields is `request.state`.
    """
    logs.configure(name, settings.log_level, settings.log_format)
    metrics = metrics or Metrics()
    app = FastAPI(
        title=f"askmesh {name}",
        version=version,
        description=description,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.keyring = Keyring(settings)
    app.state.metrics = metrics
    app.state.health = health.Health(checks or {}, optional_checks or {})
    respond = errors.ErrorResponder(error_dialects or {})
    errors.install(app, respond)
    app.add_middleware(
        RequestMiddleware,
        respond=respond,
        metrics=metrics,
        longest_s=settings.request_deadline_s,
        max_body_bytes=settings.max_body_bytes,
        allowed_hosts=settings.effective_allowed_hosts,
    )
    for router in (health.router, *routers):
        app.include_router(router)
    return app
