"""Runs an app under gunicorn with uvicorn workers, configured from the service's settings alone."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from askmesh_kit import logs
from askmesh_kit.command_line import settings_explained
from askmesh_kit.settings import ServiceSettings

# By then a service has loaded what it will keep.
_LOADED_S = 15.0


def serve(create_app: Callable[[], Any], settings: ServiceSettings, name: str) -> None:
    """Serve until SIGTERM. Blocks. Refuses, with the remedy, to listen beyond loopback without keys."""
    settings.check_exposure()
    logs.configure(name, settings.log_level, settings.log_format)
    # Imported here so that a service's command line answers `--help` without loading a server.
    from gunicorn.app.base import BaseApplication
    from gunicorn.errors import AppImportError

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for option, value in _options(settings, name).items():
                self.cfg.set(option, value)

        def load(self) -> Any:
            try:
                with settings_explained(str(settings.model_config.get("env_prefix", ""))):
                    return create_app()
            except SystemExit as error:
                # gunicorn would start a worker that exits again and again, without a pause; this ends the service.
                raise AppImportError(str(error)) from error

    Application().run()


def _options(settings: ServiceSettings, name: str) -> dict[str, Any]:
    """gunicorn's own settings."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "workers": settings.workers,
        "worker_class": _worker_class(settings),
        "proc_name": f"askmesh-{name}",
        "graceful_timeout": settings.shutdown_grace_s + 5,
        "timeout": 120,
        "keepalive": 30,
        "control_socket_disable": True,
        "accesslog": None,
        "logger_class": _logger_class(),
    }


def _worker_class(settings: ServiceSettings) -> type:
    from uvicorn_worker import UvicornWorker

    class Worker(UvicornWorker):  # type: ignore[misc]
        # Without the limit uvicorn waits for ever for an open event stream at shutdown. Requests are logged by the kit.
        CONFIG_KWARGS = UvicornWorker.CONFIG_KWARGS | {
            "timeout_graceful_shutdown": settings.shutdown_grace_s,
            "access_log": False,
        }

        async def _serve(self) -> None:
            watching = asyncio.create_task(self._end_with_master())
            # A full collection of all that a service loads for good stops everybody for some 80 ms.
            asyncio.get_running_loop().call_later(_LOADED_S, gc.freeze)
            await super()._serve()
            watching.cancel()

        async def _end_with_master(self) -> None:
            # A worker whose master was killed would keep the port, and answer on it, for ever.
            while os.getppid() == self.ppid:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(1)
            os.kill(os.getpid(), signal.SIGTERM)

    return Worker


def _logger_class() -> type:
    """gunicorn's words in the service's own log."""
    from gunicorn.glogging import Logger

    class KitLogger(Logger):  # type: ignore[misc]
        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            self.error_log.handlers[:] = logging.getLogger().handlers
            self.error_log.propagate = False

    return KitLogger
