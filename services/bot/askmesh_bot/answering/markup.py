"""What the model wrote, made harmless: no link, HTML or mention survives except as text. Only code makes links.

Whatever could become one is put into a code span, which every client shows as it is, or loses what makes it one.
"""

import html
import re
from collections.abc import Callable

_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
_SINGLE_SPAN = re.compile(r"(`[^`]*`)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()]|\([^()]*\))*\)?")
_REFERENCE = re.compile(r"!?\[([^\[\]]*)\]\[(?!\d{1,3}\])[^\[\]]*\]")
# A run of characters is entered only at its beginning, here and below: at each of them it would take quadratic time.
_URL = re.compile(
    r"(?:(?<![\w+.-])[\w+.-]*:[\\/]{2}|(?<![\w-])[\w-]*www\.|(?<!\w)\w*(?:mailto|javascript|data|vbscript|tel):(?=\S))[^\s<>`\"'\])]*",
    re.I,
)
_TAG = re.compile(r"<[/!?]?[A-Za-z@#&:!?][^<>\n]{0,300}>")
_OPEN_TAG = re.compile(r"<(?=[/!?@#&:A-Za-z])")
_EMAIL_OR_MENTION = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+|@[\w.-]*\w|(?<![\w`])#[\w.-]*\w")
# A backslash before a code span would leave it open.
_ESCAPED_TICK = re.compile(r"(?<!\\)\\+(?=`)")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CITATION = re.compile(r"(?<![ \t])[ \t]*[\[【]\s?(\d{1,9}(?:\s?[,–-]\s?\d{1,9})*)(?:†[^\[\]【】]*)?\s?[\]】]")
_ANY_NUMBER = re.compile(r"[\[【]\s*\d[\d\s,–-]*[\]】]")
_INDEXED = re.compile(r"(?:(?<!\\)\\+|(?<![\\\w.]))[\w.]*\w\[\d+\]")
# No character has so long a number, and Python refuses to read a much longer one.
_LONG_REFERENCE = re.compile(r"&#[xX]?[\da-fA-F]{9,}")
_WIDEST_RANGE = 20
_MOST_ROUNDS = 20


def clean(text: str, verbatim: str = "") -> tuple[str, tuple[int, ...]]:
    """Harmless prose without its [n], and their numbers in order, each once.

    What is taken out may bring together what then is markup, so this goes on until nothing changes. `argv[1]` that
    stands so in `verbatim` is code, not a citation.
    """
    text, numbers = split_citations(plain(text), verbatim)
    return _settled(text, lambda text: split_citations(plain(text), verbatim)[0]), numbers


def plain(text: str) -> str:
    """Prose without links, tags, mentions or invisible characters; code spans are whole, [n] are kept."""
    text = _ESCAPED_TICK.sub("", _INVISIBLE.sub("", text))
    text = _outside_code(_CODE_SPAN, text, _reduced, lambda span: _code_span(span.group(2)))
    # Two spans that touch would be read as one.
    return _ESCAPED_TICK.sub("", text).replace("``", "` `")


def fenced(text: str) -> str:
    """A code block that is certainly closed, its language a plain word, without invisible characters."""
    lines = _INVISIBLE.sub("", text).strip("\n").split("\n")
    opening = re.match(r"[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]{0,20})", lines[0])
    mark, language = (opening.group(1), opening.group(2)) if opening else ("```", "")
    body = lines[1:]
    if body and re.fullmatch(rf"[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*", body[-1]):
        body = body[:-1]
    # Longer than any run of backticks inside, so that the block ends where it should.
    longest = max((len(run) for run in re.findall(r"`+", "\n".join(body))), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence + language, *body, fence]) + "\n"


def split_citations(text: str, verbatim: str = "") -> tuple[str, tuple[int, ...]]:
    """Prose without its [n], and their numbers in order, each once.

    `argv[1]` that stands so in `verbatim` is code, not a citation, and becomes a code span.
    """
    numbers: dict[int, None] = {}

    def take(match: re.Match[str]) -> str:
        for part in re.split(r"\s?,\s?", match.group(1)):
            first, _, last = re.sub(r"\s?[–-]\s?", "-", part).partition("-")
            stop = min(int(last or first), int(first) + _WIDEST_RANGE)
            numbers.update(dict.fromkeys(range(int(first), stop + 1)))
        return ""

    def marked(match: re.Match[str]) -> str:
        code = match.group().lstrip("\\")
        return f"`{code}`" if code in verbatim else match.group()

    if verbatim:
        text = _outside_code(_SINGLE_SPAN, text, lambda part: _INDEXED.sub(marked, part))
    text = _outside_code(_SINGLE_SPAN, text, lambda part: _CITATION.sub(take, part))
    return _outside_code(_SINGLE_SPAN, text, lambda part: _ANY_NUMBER.sub("", part)), tuple(numbers)


def _outside_code(
    code: re.Pattern[str],
    text: str,
    change: Callable[[str], str],
    keep: Callable[[re.Match[str]], str] = lambda match: match.group(),
) -> str:
    result, position = [], 0
    for span in code.finditer(text):
        result += [change(text[position : span.start()]), keep(span)]
        position = span.end()
    return "".join([*result, change(text[position:])])


def _settled(text: str, change: Callable[[str], str]) -> str:
    """The text once a change makes no difference to it; nothing where that takes more rounds than an honest text does."""
    for _ in range(_MOST_ROUNDS):
        before, text = text, change(text)
        if text == before:
            return text
    return ""


def _reduced(text: str) -> str:
    # Character references too are an address or a tag in disguise.
    text = _settled(text, lambda text: html.unescape(_LONG_REFERENCE.sub("", text)))
    text = _INVISIBLE.sub("", text).replace("`", "")
    text = _settled(text, lambda text: _REFERENCE.sub(_words, _LINK.sub(_words, text)))
    # Neither an inline link nor a link's definition can begin now.
    text = text.replace("](", "] (").replace("]:", "] :")
    for pattern in (_URL, _TAG, _EMAIL_OR_MENTION):
        text = _outside_code(_SINGLE_SPAN, text, lambda part, p=pattern: p.sub(_as_code, part))  # type: ignore[misc]
    # Nor can a fence: the sentence may begin its line once its [n] is gone.
    return _outside_code(_SINGLE_SPAN, text, lambda part: re.sub(r"~{3,}", "~~", _OPEN_TAG.sub("< ", part)))


def _words(match: re.Match[str]) -> str:
    # [1](address) is a citation with a link of the model's own: the citation stays.
    return f"[{match.group(1)}]" if match.group(1).strip().isdigit() and match.group()[0] == "[" else match.group(1)


def _as_code(match: re.Match[str]) -> str:
    return _code_span(match.group())


def _code_span(code: str) -> str:
    words = " ".join(code.replace("`", "'").split())
    return f"`{words}`" if words else ""
