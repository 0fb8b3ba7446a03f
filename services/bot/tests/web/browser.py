"""Chromium for the tests: where it is, how it is started, what every page is watched for."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Playwright

# How long a page is waited for: a busy machine shows late what it shows.
PATIENCE_MS = 60_000
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    # Whatever a page tries, no name but loopback's resolves.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def find_chromium() -> str | None:
    """The path of a Chromium: `ASKMESH_CHROMIUM`, or the first on PATH."""
    named = os.environ.get("ASKMESH_CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """A headless browser with a profile of its own, which vanishes with it."""
    return playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS, timeout=PATIENCE_MS)


class Watch:
    """Collects what a good page never does: log errors, throw, or talk to another origin."""

    def __init__(self, page: Page, origin: str) -> None:
        self._origin = origin
        self.allowed: list[str] = []
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("request", lambda request: self._request(request.url))
        page.on("console", lambda message: message.type in ("error", "warning") and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.console_errors = self.errors
        page.allow_console = self.allowed.append

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self._origin:
            self.foreign.append(url)

    def check(self) -> None:
        unexpected = [error for error in self.errors if not any(text in error for text in self.allowed)]
        assert unexpected == []
        assert self.foreign == []


def ask(page: Page, question: str) -> None:
    """Type a question and press Enter."""
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")


def outcome(page: Page, name: str) -> Locator:
    """The answers that ended in that way: answered, abstained, sources_only, stopped or failed."""
    return page.locator(f".answer[data-outcome={name}]")
