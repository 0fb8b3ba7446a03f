"""Tells program text that nothing marks as such from prose: it is shown as an example, never quoted as a sentence."""

import re
from collections.abc import Sequence

_STATEMENT = re.compile(
    r"^\s*(?:"
    r"@[A-Za-z_][\w.]*(?:\(.*)?$"  # a decorator
    r"|(?:from\s+[\w.]+\s+)?import\s+[\w.*{(\"']"
    r"|(?:async\s+)?(?:def|class|function|fn|func)\s+\w+\s*[(:{<]"
    r"|(?:export|const|let|var|public|private|static)\s+\w+"
    r"|(?:if|elif|while|for|with|try|except|else|finally|match|case)\b.*[:{]\s*$"
    r"|(?:return|yield|raise|await|assert|del|pass|break|continue)\b(?:\s+[\w\"'(\[{.]+[\w.()\[\]\"', ]*)?;?\s*$"
    r"|[A-Za-z_][\w.\[\]\"', ]*(?::\s*[\w.\[\], |]+)?\s*[-+*/|&]?=(?!=)\s*\S"  # an assignment
    r"|[\w.]+\([^)]*\)?[;,{]?\s*$"  # a call
    r"|[\"'][^\"']*[\"'](?:,\s*[\"'][^\"']*[\"'])*[,)\]}]*\s*$|[\"'][\w.-]+[\"']\s*:\s*\S.*$"  # an entry of a list, a mapping
    r"|[)\]}]+[;,]?\s*$|[\w\"'.]*\s*[({\[]\s*$"
    r"|\#include\b|</?\w+[^>]*>\s*$|\$\s+\S|#!"
    r")"
)
# Four plain words in a row: no program says that but in a comment or a text.
_PROSE = re.compile(r"(?<![\w.=\"'(])[A-Za-z]{2,}(?: [a-z]{2,}){3}")
_LEAST_SHARE = 0.6
# As much of a line tells what it is.
_READ_CHARS = 300


def is_code(lines: Sequence[str]) -> bool:
    """Whether most lines of a paragraph are statements and not sentences."""
    told = [" ".join(line[:_READ_CHARS].split()) for line in lines if line.strip()]
    statements = sum(bool(_STATEMENT.match(line)) and not _PROSE.search(line) for line in told)
    return bool(told) and statements >= _LEAST_SHARE * len(told)
