"""`askmesh learn` and `askmesh sources sync`: one progress bar per source, fed by the bot's events."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from askmesh_bot.frontends.shell.client import BotClient, Trouble
from askmesh_bot.frontends.shell.screen import clean, err, out, say

_DOCUMENTS = {".md", ".markdown", ".rst", ".txt"}
_EXPORTS = {".jsonl", ".json"}


def kind_of(location: str) -> str:
    """What is at a location: documents, Python, both, a chat export, or the name of a package."""
    path = Path(location).expanduser()
    if path.is_dir() and (path / "channels.json").is_file() and (path / "users.json").is_file():
        return "threads"  # a Slack export
    if path.is_dir():
        return "tree" if next(path.rglob("*.py"), None) else "folder"
    if path.is_file():
        suffix = path.suffix.lower()
        return "folder" if suffix in _DOCUMENTS else "threads" if suffix in _EXPORTS else "python"
    if any(sign in location for sign in "/\\~") or location.startswith("."):
        raise Trouble(f"{location} is not there.", "Give a folder, a file, or the name of an installed Python package.")
    return "python"


def absolute(location: str) -> str:
    """A path as the bot can use it, or the package's name as it is."""
    path = Path(location).expanduser()
    return str(path.resolve()) if path.exists() else location


def run(client: BotClient, title: str, path: str, body: dict[str, Any]) -> bool:
    """Start a run and show it until it ends. Returns whether it succeeded."""
    last: dict[str, Any] = {}
    with _bar() as bar:
        task = bar.add_task(clean(title), total=None, what="")
        for last in _progress(client, path, body):
            _show(bar, task, last)
    if not last:
        raise Trouble("The bot ended the run without a word.", "The bot's log says more.")
    if last["state"] != "done":
        err.print(Text(clean(f"{title}: {last['error']}"), style="red"))
        err.print(Text(clean(f"{last['fix']} The next run goes on where this one ended.".strip())))
        return False
    say(f"{title}: {_summary(last)}")
    return True


def _progress(client: BotClient, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for _, data in client.events(path, body):
        yield data


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[what]}"),
        TimeElapsedColumn(),
    )
    # Nothing but the summary is printed where there is no terminal.
    return Progress(*columns, console=out, disable=not out.is_terminal, transient=True)


def _show(bar: Progress, task: TaskID, data: dict[str, Any]) -> None:
    left = data["seconds_left"]
    what = f"documents, {data['chunks_embedded']} chunks, {data['chunks_per_s']:.0f}/s"
    what += f", {_duration(left)} left" if left else ""
    what = clean(data["note"]) or what
    bar.update(task, completed=data["documents_done"], total=data["documents_total"], what=what)


def _summary(data: dict[str, Any]) -> str:
    parts = [_counted(data["documents_done"], "document"), f"{_counted(data['chunks_embedded'], 'chunk')} embedded"]
    if data["documents_changed"] == 0 and data["documents_deleted"] == 0:
        parts = [*parts[:1], "nothing new"]
    if data["documents_deleted"]:
        parts.append(f"{_counted(data['documents_deleted'], 'document')} forgotten")
    return ", ".join(parts) + f", in {_duration(data['elapsed_s'])}"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
