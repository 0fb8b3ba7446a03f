"""The reader's HTML. Everything learned is escaped; lines are anchors, and the fragment `#L12-L20` marks a range."""

from datetime import datetime
from html import escape

_STYLE = """
:root { color-scheme: light dark; --mark: light-dark(#fff3bf, #4a3f12); --dim: light-dark(#6b6b6b, #9a9a9a);
  --rule: light-dark(#e3e3e3, #333); --edge: light-dark(#e0a800, #d4a72c); }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; }
header { position: sticky; top: 0; background: Canvas; border-bottom: 1px solid var(--rule); padding: .6rem 1rem; }
h1 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
header p { margin: .1rem 0 0; color: var(--dim); font-size: .85rem; overflow-wrap: anywhere; }
main { padding: .5rem 0 40vh; font: 13px/1.55 ui-monospace, monospace; }
.line { display: flex; scroll-margin-top: 30vh; border-left: 3px solid transparent; }
.line a { flex: 0 0 4.5rem; padding-right: 1rem; text-align: right; color: var(--dim); text-decoration: none;
  user-select: none; }
.line code { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; flex: 1; padding-right: 1rem; }
.line.marked, .line:target { background: var(--mark); border-left-color: var(--edge); }
"""

_SCRIPT = """
function mark() {
  const found = /^#L(\\d+)(?:-L?(\\d+))?$/.exec(location.hash);
  if (!found) return;
  const first = Number(found[1]), last = Math.max(first, Number(found[2] || first));
  document.querySelectorAll('.marked').forEach(line => line.classList.remove('marked'));
  for (let number = first; number <= last; number++) {
    const line = document.getElementById('L' + number);
    if (!line) break;
    line.classList.add('marked');
  }
  document.getElementById('L' + first)?.scrollIntoView({block: 'start'});
}
addEventListener('hashchange', mark);
if (location.hash) mark(); else document.querySelector('.marked')?.scrollIntoView({block: 'start'});
"""


def content_security_policy(nonce: str) -> str:
    """Nothing is loaded, and only the page's own style and script run."""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def reader_page(
    *, title: str, source: str, path: str, text: str, synced_at: datetime, marked: range, nonce: str
) -> str:
    """The page. `marked` are line numbers shown as cited also where scripts don't run."""
    lines = "\n".join(_line(number, line, number in marked) for number, line in enumerate(text.split("\n"), start=1))
    about = f"{source} › {path} · as learned on {synced_at:%Y-%m-%d %H:%M} UTC"
    body = f'<main>\n{lines}\n</main>\n<script nonce="{nonce}">{_SCRIPT}</script>'
    return _page(title, f"{title} · {source}", about, body, nonce)


def missing_page(*, path: str, nonce: str) -> str:
    """The page of a document that is not there, or no longer."""
    about = f"{path} is not among what was learned; it may have been forgotten since, or have another name now."
    return _page("This document is not here", "Not here", about, "", nonce)


def _page(heading: str, title: str, about: str, body: str, nonce: str) -> str:
    """`body` is HTML, all else text."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body>
<header>
<h1>{escape(heading)}</h1>
<p>{escape(about)}</p>
</header>
{body}
</body>
</html>
"""


def _line(number: int, text: str, marked: bool) -> str:
    style = "line marked" if marked else "line"
    return (
        f'<div class="{style}" id="L{number}"><a href="#L{number}">{number}</a><code>{escape(text) or " "}</code></div>'
    )
