"""What a Markdown page says to the site's builder and not to its readers: includes, admonition borders, layout tags.

MkDocs, MyST, Docusaurus, VitePress and Pymdown are covered. Every line keeps its place: what says nothing becomes empty.
"""

import re
from collections.abc import Sequence

_FENCE = re.compile(r"^\s*(`{3,}|~{3,}|:{3,})\s*(.*)$")
# ```{note} Title   :::{note} Title   :::note Title   ::: warning Title   /// note | Title
_DIRECTIVE = re.compile(
    r"^(?:\{(?P<braced>[\w:-]+)\}|(?P<plain>[A-Za-z][\w-]*))(?=\s|\[|$)\s*\[?(?P<title>[^\]]*)\]?\s*$"
)
_CODE_NAMES = "code code-block code-cell sourcecode literalinclude parsed-literal math mermaid"
_CODE = frozenset(_CODE_NAMES.split())
# Directives whose body is for readers; that of any other is for the builder.
_PROSE_NAMES = (
    "note tip info warning caution danger error hint important attention seealso admonition abstract summary success "
    "question failure bug example quote details dropdown todo versionadded versionchanged deprecated versionremoved "
    "margin sidebar topic tab tab-item tab-set tabs grid grid-item card list-table table aside div epigraph"
)
_PROSE = frozenset(_PROSE_NAMES.split())
_SLASHES = re.compile(r"^\s*/{3,}(?:\s*[\w-]+\s*(?:\|\s*(?P<title>.*?))?)?\s*$")
_MKDOCS = re.compile(r"^(?P<indent>\s*)(?:!{3}|\?{3}\+?|={3})\s*(?:[\w -]+?)?\s*(?:\"(?P<title>[^\"]*)\")?\s*$")
_SILENT = re.compile(
    r"^\s*(?:\{[*%!].*[*%!]\}|-{1,2}8<-{1,2}.*|:{3}\s+[\w-]+(?:\.[\w-]+)+|\[TOC\]|\[{2}_?toc_?\]{2}|\([\w.-]+\)=|\{:?\s*[.#][^}]*\})\s*$",
    re.I,
)
_OPTION = re.compile(r"^\s*:[\w-]+:(?:\s|$)")
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(style|script)\b.*?(?:</\1>|\Z)", re.S | re.I)
_TAGS = "a abbr b big blockquote br button center details dfn div em font hr i iframe img ins kbd p picture small source span strong sub summary sup u video"
_TAG = re.compile(rf"</?(?:{'|'.join(_TAGS.split())})(?:\s[^<>]*)?/?>", re.I)
_CODE_TAGS = re.compile(r"<code>([^<>`]+)</code>", re.I)
_ATTRIBUTES = re.compile(r"(?<=[)`*_])\{:?[^{}\n]*\}|\s\{:?\s*[.#][^{}\n]*\}\s*$")
# No line of markup is longer; one that is would only take long to be told from it.
_LONGEST = 400
_SPAN = re.compile(r"(`+)(?:.+?)\1")


def without_builder_markup(lines: Sequence[str]) -> list[str]:
    """The lines as a reader sees them; those inside code fences as they are."""
    return _Reader(lines).read()


class _Reader:
    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._kept: list[str] = []
        # Open fences, outermost first, each with what becomes of its lines.
        self._open: list[tuple[str, str]] = []
        # How deep the body of an open MkDocs admonition is indented; None where none is open.
        self._margin: int | None = None
        # Whether indented lines are the options of mkdocstrings' `::: package.module`.
        self._silenced = False

    def read(self) -> list[str]:
        for line in self._lines:
            self._kept.append(self._line(self._dedented(line)))
        return _unhidden(self._kept)

    def _line(self, line: str) -> str:
        state = self._open[-1][1] if self._open else "prose"
        short = len(line) <= _LONGEST
        fence = _FENCE.match(line) if short else None
        if fence and self._closes(fence):
            self._open.pop()
            return line if state == "code" else ""
        if state == "code":
            return line
        if fence and not _SILENT.match(line):
            return self._opened(fence, line)
        if state == "silent":
            return ""
        return self._prose(line) if short else line

    def _closes(self, fence: re.Match[str]) -> bool:
        mark = self._open[-1][0] if self._open else ""
        return bool(mark) and not fence[2].strip() and fence[1][0] == mark[0] and len(fence[1]) >= len(mark)

    def _opened(self, fence: re.Match[str], line: str) -> str:
        directive = _DIRECTIVE.match(fence[2].strip())
        colons = fence[1][0] == ":"
        name = (directive["braced"] or (directive["plain"] if colons else "") or "") if directive else ""
        inside_silence = bool(self._open) and self._open[-1][1] == "silent"
        if inside_silence or (name and name.lower() not in _PROSE | _CODE):
            state = "silent"
        else:
            state = "prose" if (colons and not name) or name.lower() in _PROSE else "code"
        if colons and not fence[2].strip():
            # A closing border without an opening one.
            return ""
        self._open.append((fence[1], state))
        if state == "code" or not directive:
            return line if state == "code" else ""
        title = directive["title"].strip()
        return title if state == "prose" and re.search(r"[^\W\d]", title) else ""

    def _prose(self, line: str) -> str:
        if self._silenced and (not line.strip() or line[0].isspace()):
            return ""
        self._silenced = line.startswith(":::") and bool(_SILENT.match(line))
        if _SILENT.match(line) or (self._open and _OPTION.match(line)):
            return ""
        if slashes := _SLASHES.match(line):
            return slashes["title"] or ""
        if (mkdocs := _MKDOCS.match(line)) and (mkdocs["title"] or line.strip()[:3] != "==="):
            self._margin = len(mkdocs["indent"]) + 4
            return mkdocs["indent"] + (mkdocs["title"] or "")
        return line

    def _dedented(self, line: str) -> str:
        """A line of an admonition's body without the indent that would make it code."""
        if self._margin is None or not line.strip():
            return line
        if line[: self._margin].strip():
            self._margin = None
            return line
        return line[: self._margin - 4] + line[self._margin :]


def _unhidden(lines: Sequence[str]) -> list[str]:
    """Without comments, styles, layout tags and attribute lists outside of code."""
    kept, code, hidden = [], "", ""
    for line in lines:
        fence = _FENCE.match(line)
        if fence and fence[1][0] != ":" and not hidden:
            closing = code and fence[1].startswith(code) and not fence[2].strip()
            code = "" if closing else code or fence[1]
        elif not code:
            line, hidden = _shown(line, hidden)
        kept.append(line)
    return kept


def _shown(line: str, hidden: str) -> tuple[str, str]:
    """A line without what is hidden, and what ends the hidden part that it leaves open."""
    if hidden:
        _, found, line = line.partition(hidden)
        if not found:
            return "", hidden
    heading = line.lstrip().startswith("#")
    parts, at = [], 0
    for span in [*_SPAN.finditer(line), None]:
        text = line[at : span.start() if span else len(line)]
        text = _CODE_TAGS.sub(r"`\1`", _TAG.sub("", _HIDDEN.sub("", text)))
        parts += [text if heading else _ATTRIBUTES.sub("", text), span.group() if span else ""]
        at = span.end() if span else at
    opened = list(_HIDDEN.finditer(_SPAN.sub("", line)))[-1:]
    left = ""
    if opened and not re.search(r"(?:-->|</style>|</script>)$", opened[0].group(), re.I):
        left = f"</{opened[0][1]}>" if opened[0][1] else "-->"
    return "".join(parts).rstrip() if line.strip() else line, left
