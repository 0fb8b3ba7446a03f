"""The bot's HTTP API as the shell uses it. Every failure becomes a Trouble with a remedy and an exit code."""

import json
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from pydantic import SecretStr

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

FAILED, DOWN, ABSTAINED = 1, 3, 4


class Trouble(Exception):
    """What went wrong and how to mend it; `exit_code` is the command's. `status` is the bot's, 0 without an answer."""

    def __init__(self, detail: str, fix: str = "", exit_code: int = FAILED, status: int = 0) -> None:
        super().__init__(detail)
        self.detail, self.fix, self.exit_code, self.status = detail, fix, exit_code, status


class BotClient:
    """Calls to one bot. `wait_s`: the longest silence that is borne."""

    def __init__(self, url: str, api_key: SecretStr, wait_s: float = 150.0) -> None:
        self._url = url
        key = api_key.get_secret_value()
        self._http = httpx2.Client(
            base_url=url + "/",
            headers={"User-Agent": "askmesh-shell"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx2.Timeout(wait_s, connect=3.0),
            trust_env=httpx2.URL(url).host not in _LOOPBACK,
        )
        # A command needs it until it ends.
        weakref.finalize(self, self._http.close)

    def call(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None) -> Any:
        """The JSON answer to one call. Raises Trouble."""
        with self._translated():
            response = self._http.request(method, path, json=body, params=params)
            self._check(response)
            return response.json() if response.content else None

    def events(self, path: str, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Server-sent events as (name, data). Raises Trouble, also for a stream that breaks off."""
        with self._translated(), self._http.stream("POST", path, json=body | {"stream": True}) as response:
            if response.is_error:
                response.read()
                self._check(response)
            name = ""
            for line in response.iter_lines():
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    yield name, json.loads(line[5:])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise Trouble(
                f"No bot answers at {self._url}.",
                "Start the mesh with `make up`, or say where it runs: --url or ASKMESH_BOT_URL.",
                DOWN,
            ) from None
        except httpx2.TimeoutException:
            raise Trouble(f"The bot at {self._url} did not answer in time.", "See `askmesh status`.", DOWN) from None
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise Trouble(f"The connection to {self._url} broke: {error}.", "See `askmesh status`.", DOWN) from None
        except ValueError:
            raise Trouble(
                f"What answers at {self._url} is not askmesh's bot.", "Check --url or ASKMESH_BOT_URL."
            ) from None

    def _check(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        try:
            problem = response.json()
            detail, fix = str(problem["detail"]), str(problem.get("fix") or "")
        except (ValueError, KeyError, TypeError, AttributeError):
            detail, fix = f"The bot answered {response.status_code}.", "Check --url or ASKMESH_BOT_URL."
        if response.status_code == 401:
            fix = "Set ASKMESH_BOT_API_KEY."
        raise Trouble(detail, fix, status=response.status_code)
