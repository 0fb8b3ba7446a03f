"""`askmesh ask`: the answer as it is written, then its sources with their links."""

from typing import Any

from rich.text import Text

from askmesh_bot.frontends.shell.client import ABSTAINED, BotClient, Trouble
from askmesh_bot.frontends.shell.screen import clean, out, say


def ask(client: BotClient, body: dict[str, Any]) -> int:
    """Print the answer to a question. Returns the exit code."""
    done: dict[str, Any] | None = None
    wrote = False
    with out.status("Searching …") as status:
        for name, data in client.events("v1/ask", body):
            if name == "status":
                status.update(clean(str(data.get("detail", ""))))
            elif name == "delta":
                status.stop()
                say(str(data["text"]), end="")
                wrote = True
            elif name == "error":
                raise Trouble(str(data["detail"]), str(data.get("fix") or ""))
            elif name == "done":
                done = data
    if done is None:
        raise Trouble("The answer broke off.", "Ask again; the bot's log says more.")
    # What was streamed is the answer, unless nothing was.
    say("" if wrote else str(done["answer"]))
    _sources(done)
    return ABSTAINED if done["outcome"] == "abstained" else 0


def _sources(done: dict[str, Any]) -> None:
    if done["outcome"] == "abstained":
        title, shown = "Nearest sources", done["passages"][:5]
    else:
        title, shown = "Sources", done["citations"] or done["passages"][:5]
    if not shown:
        return
    say(f"\n{title}", style="bold")
    # A passage may be cited for several sentences.
    for passage in {passage["number"]: passage for passage in shown}.values():
        line = Text(f"[{passage['number']}] ", style="cyan")
        line.append(clean(str(passage["header"] or passage["title"])), style="default")
        out.print(line)
        say(f"    {passage['url']}", style="dim")
    if out.is_terminal and done.get("conversation_id"):
        say(f"\nAsk on: askmesh ask --conversation {done['conversation_id']} …", style="dim")
