"""Makes text that nobody vouches for harmless in Discord's Markdown.

What a model or a source writes may format words and show code. It can't mention, ping, link, embed, make headings or
swallow what follows. Only this module's own `[n](<url>)`, for numbers that stand for passages, are links.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

ZWSP = "\u200b"
_MAX_URL, _MAX_CODE, _MAX_SHOWN_URL = 512, 300, 200

# Control characters, and the invisible ones that hide or reorder text.
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u206f\ufeff]")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([\w+#.-]{0,20})[^`]*")
_HEADING = re.compile(r"\s*#{1,6}\s+(.+?)[\s#]*")
_BLOCK = re.compile(r"(\s*(?:(?:>|[-*+]|\d{1,9}[.)])\s+)*)(-#|>>>|#)")
_PING = re.compile(r"@(?=everyone|here|[!&]?\d)|(?<=<)[#@](?=[!&]?\d)")
_TOKEN = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`{1,2})(?!`)(?P<inside>[^\n]+?)(?<!`)(?P=ticks)(?!`))"
    r"|!?\[(?P<label>[^\[\]\n]*)\]\(\s*<?(?P<target>[^\s()<>]*)>?[^()\n]*\)"
    r"|\[(?P<number>\d{1,3})\]"
    r"|(?P<url>[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s<>`]*|(?:discord\.gg|discord(?:app)?\.com/invite)/[^\s<>`]*)"
    r"|(?P<special>[\\`_<\[\]]|\|\||~~)",
    re.IGNORECASE,
)


def safe_markdown(text: str, links: Mapping[int, str]) -> str:
    """`text` with nothing live in it but its code, its emphasis, and links for the passage numbers in `links`.

    Code fences come out as lines of exactly three backticks, always closed.
    """
    lines, fence = [], ""
    for line in _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n"):
        if fence:
            closes = line.strip().startswith(fence) and not line.strip().strip(fence[0])
            lines.append("```" if closes else _inside_fence(line))
            fence = "" if closes else fence
        elif opening := _FENCE.fullmatch(line):
            fence = opening[1]
            lines.append("```" + opening[2])
        else:
            lines.append(_prose(line, links))
    return "\n".join([*lines, "```"] if fence else lines)


def has_words(text: str) -> bool:
    """Whether there is anything to be seen in it."""
    return bool(_INVISIBLE.sub("", text).strip())


def plain(text: str, limit: int) -> str:
    """One harmless line of at most about `limit` characters: for titles, quotes and names."""
    line = " ".join(_INVISIBLE.sub("", text).split())
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    # No address in a label: Discord shows such a link as raw text.
    line = re.sub(r"(?i)([a-z]):(?=//)|(discord\.gg|discord(?:app)?\.com/invite)(?=/)", r"\g<0> ", line)
    return _no_pings(re.sub(r"([\\`*_~|<>\[\]()#])", r"\\\1", line))


def link(label: str, url: str) -> str:
    """A masked link without a preview; just the label where the address is no plain web address."""
    target = web_address(url)
    return f"[{label}](<{target}>)" if target else f"\\[{label}\\]"


def web_address(url: str) -> str | None:
    """An http(s) address fit for `(<…>)`, or None."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    encoded = quote(url, safe="%/:?#[]@!$&'*+,;=~-._")
    return encoded if len(encoded) <= _MAX_URL else None


def _no_pings(text: str) -> str:
    return _PING.sub(lambda found: found[0] + ZWSP, text)


def _inside_fence(line: str) -> str:
    return _no_pings(re.sub(r"`{3,}", lambda run: ZWSP.join(run[0]), line))


def _prose(line: str, links: Mapping[int, str]) -> str:
    if heading := _HEADING.fullmatch(line):
        # A heading as large as Discord makes them would shout; bold says as much.
        return f"**{_inline(heading[1].replace('*', ''), links)}**"
    if block := _BLOCK.match(line):
        return f"{block[1]}\\{block[2]}" + _inline(line[block.end() :], links)
    return _inline(line, links)


def _inline(text: str, links: Mapping[int, str]) -> str:
    out, end = "", 0
    for token in _TOKEN.finditer(text):
        out = _joined(out, _no_pings(text[end : token.start()]))
        out = _joined(out, _replace(token, links))
        end = token.end()
    return _joined(out, _no_pings(text[end:]))


def _joined(left: str, right: str) -> str:
    """Both, kept from becoming together what neither is alone: a longer run of backticks, or the middle of a link."""
    if left.endswith("`") and right.startswith("`"):
        return left + ZWSP + right
    if left.endswith("\\]") and right.startswith("("):
        return left + "\\" + right
    return left + right


def _replace(token: re.Match[str], links: Mapping[int, str]) -> str:
    if token["code"] is not None:
        return _code(token["ticks"], token["inside"], links)
    if token["label"] is not None:
        return _written_link(token["label"], token["target"], links)
    if token["number"] is not None:
        return _citation(token["number"], links)
    if token["url"] is not None:
        return _shown_url(token["url"])
    return _escape(token["special"])


def _code(ticks: str, inside: str, links: Mapping[int, str]) -> str:
    if len(inside) <= _MAX_CODE and "```" not in inside:
        return ticks + _no_pings(inside) + ticks
    return _escape(ticks) + _inline(inside, links) + _escape(ticks)


def _written_link(label: str, target: str, links: Mapping[int, str]) -> str:
    """A link the text makes itself keeps its label; where it led is shown, not linked."""
    if label.isascii() and label.isdigit() and len(label) <= 3:
        return _citation(label, links)
    shown = _inline(label, {})
    return f"{shown} ({_shown_url(target)})" if "://" in target else shown


def _citation(number: str, links: Mapping[int, str]) -> str:
    url = links.get(int(number))
    return link(str(int(number)), url) if url else f"\\[{number}\\]"


def _shown_url(url: str) -> str:
    """An address as inline code, which Discord neither links nor previews."""
    bare = url.rstrip(".,;:!?)'\"*")
    shown = bare if len(bare) <= _MAX_SHOWN_URL else bare[:_MAX_SHOWN_URL] + "…"
    # One in a written link's target would end the code.
    shown = shown.replace("`", "%60")
    return f"`{_no_pings(shown)}`" + _escape(url[len(bare) :])


def _escape(text: str) -> str:
    return _no_pings(re.sub(r"([\\`_<\[\]|~])", r"\\\1", text))
