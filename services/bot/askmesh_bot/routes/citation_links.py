"""Makes the [n] of an answer into links while it streams, and remembers where they stand."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from askmesh_bot.answering.base import Passage
from askmesh_bot.routes.openai_schemas import Annotation, UrlCitation
from askmesh_bot.schemas import passage_out

# Code blocks and spans, in which [n] is code; where one is still open, what follows may be code too.
_TOKEN = re.compile(
    r"^[ \t]*(?P<fence>`{3,}(?=[^`\n]*\n)|~{3,})[^\n]*\n(?:[^\n]*\n)*?[ \t]*(?P=fence)[`~]*[ \t]*\n"
    r"|(?P<open_block>^[ \t]*(?:`{3,}(?![^\n]*`)|~{3,}))"
    r"|(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=ticks)(?!`)"
    r"|(?P<open_span>(?<!`)`+(?!`)(?!.*\n[ \t]*\n))"
    r"|\[(?P<number>\d{1,3})\]",
    re.M | re.S,
)
# What the next piece of text may turn into something else.
_UNDECIDED = re.compile(r"(?:[`~\s]|\[\d{0,3}\Z)*\Z")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+.*", re.I | re.S)
_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|])")
_LONGEST_TITLE = 160


class CitationLinks:
    """One answer as Markdown with links. `text` is what was given out so far, `annotations` its links."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._passages: dict[int, Passage] = {}
        self._given, self._position = "", 0
        self.text = ""
        self.annotations: list[Annotation] = []

    def know(self, passages: Iterable[Passage]) -> None:
        """The passages that numbers stand for from here on."""
        self._passages |= {passage.number: passage for passage in passages}

    def add(self, text: str) -> str:
        """What can be given out once the answer has gone on with `text`; blanks at either end are held back."""
        self._given += text
        if not self.text:
            self._given = self._given.lstrip()
        undecided = _UNDECIDED.search(self._given, self._position)
        return self._advance(undecided.start() if undecided else len(self._given), final=False)

    def finish(self) -> str:
        """The rest, now that the answer is whole."""
        return self._advance(len(self._given.rstrip()), final=True)

    def write(self, text: str) -> str:
        """Give out text as it is, which has no citations."""
        self.text += text
        return text

    def link(self, passage: Passage) -> str:
        """A link with the passage's name; the name alone where its address is none of the web's."""
        name = _SPECIAL.sub(r"\\\1", _title(passage))
        address = self._address(passage)
        return f"[{name}]({address})" if address else name

    def _advance(self, end: int, *, final: bool) -> str:
        before = len(self.text)
        for token in _TOKEN.finditer(self._given, self._position, end):
            unclosed = token["open_block"] or token["open_span"]
            if unclosed and not final:
                end = token.start()
                break
            if token["open_block"]:
                break
            if token["number"]:
                self.text += self._given[self._position : token.start()]
                self._cite(int(token["number"]))
                self._position = token.end()
        if end > self._position:
            self.text += self._given[self._position : end]
            self._position = end
        return self.text[before:]

    def _cite(self, number: int) -> None:
        passage = self._passages.get(number)
        address = self._address(passage) if passage else None
        if passage is None or address is None:
            self.text += f"[{number}]"
            return
        if self.annotations and self.annotations[-1].url_citation.end_index == len(self.text):
            # Two links that touch would be read as one number.
            self.text += " "
        start = len(self.text)
        self.text += f"[{number}]({address})"
        place = UrlCitation(start_index=start, end_index=len(self.text), title=_title(passage), url=address)
        self.annotations.append(Annotation(url_citation=place))

    def _address(self, passage: Passage) -> str | None:
        """Absolute, and fit for a Markdown link; None for anything but the web's addresses and the bot's own."""
        url = passage_out(passage, self._base_url).url
        return quote(url, safe="%/:?#[]@!$&'*+,;=~-._", errors="replace") if _WEB_ADDRESS.fullmatch(url) else None


def _title(passage: Passage) -> str:
    name = " ".join((passage.header or passage.title or passage.document).split())
    return name if len(name) <= _LONGEST_TITLE else f"{name[: _LONGEST_TITLE - 1]}…"
