"""Asks a service whether it is ready."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from mesh import Service

# Loopback is asked directly, whatever proxy the environment names.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True)
class Readiness:
    """What `/readyz` said: ready (`word` may still be "degraded"), and if not, why not."""

    ready: bool
    word: str
    reason: str


def probe(service: Service, timeout_s: float = 3.0) -> Readiness:
    """One request. A server that is not askmesh's and has no `/readyz` counts as ready if it answers at all."""
    try:
        with _open(f"{service.url}/readyz", timeout=timeout_s) as response:
            return _read(response.read(), ready=True)
    except urllib.error.HTTPError as error:
        if service.elsewhere and error.code in {401, 403, 404, 405}:
            return Readiness(True, "answers", "")
        return _read(error.read(), ready=False)
    except OSError as error:
        return Readiness(False, "no", str(getattr(error, "reason", error)))


def _read(body: bytes, *, ready: bool) -> Readiness:
    try:
        report = json.loads(body)
        failed = {name: check["reason"] for name, check in report["checks"].items() if not check["ok"]}
        return Readiness(ready, report["status"], "; ".join(f"{name}: {reason}" for name, reason in failed.items()))
    except (ValueError, KeyError, TypeError):
        return Readiness(ready, "answers" if ready else "no", "")
