"""What a code block says and does, as far as its tokens tell: each line's words, its commands and their options."""

import re
import sys
from collections.abc import Iterator

from askmesh_bot.answering.terms import content_terms

_SHELLS = frozenset(
    [
        "sh",
        "bash",
        "shell",
        "zsh",
        "fish",
        "ksh",
        "console",
        "terminal",
        "shell-session",
        "shellsession",
        "powershell",
        "pwsh",
        "ps1",
        "cmd",
        "bat",
        "batch",
    ]
)
# What begins a statement, so that the word after it makes no command of it.
_STATEMENTS = frozenset(
    [
        "and",
        "as",
        "assert",
        "async",
        "await",
        "case",
        "class",
        "const",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "export",
        "for",
        "from",
        "fn",
        "func",
        "function",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "let",
        "match",
        "new",
        "not",
        "or",
        "package",
        "print",
        "public",
        "raise",
        "return",
        "static",
        "try",
        "use",
        "var",
        "while",
        "with",
        "yield",
    ]
)
# Words before the command that is run.
_WRAPPERS = frozenset(
    ["command", "do", "elif", "else", "env", "exec", "if", "nohup", "sudo", "then", "time", "until", "while", "xargs"]
)
_PLACEHOLDERS = ("my", "your", "foo", "bar", "<", "$")
_COMMENT = re.compile(r"(?:(?<=\s)|^)(?:#|//|--(?=\s)|/\*|<!--)")
_STRING = re.compile(r"\"[^\"\s]*\"|'[^'\s]*'")
_PROMPT = re.compile(r"^[ \t]*(?:[$%>][ \t]+|>>> |\.\.\. )")
_COMMAND_BORDER = re.compile(r"\$\(|&&?|\|\|?|[;()`]")
_COMMAND_LIKE = re.compile(r"[\w./-]+[ \t]+(?:-{1,2}[A-Za-z]|[\w./~][^=(:]*$)")
_WITH_OPTION = re.compile(r"[\w./-]+[ \t](?:[^=(]*[ \t])?-{1,2}[A-Za-z]")
_ENVIRONMENT = re.compile(r"[A-Za-z_]\w*=")
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")
_BOUND = re.compile(r"^[ \t]*([A-Za-z_]\w*)[ \t]*=(?!=)|\b(?:as|for|def|class)\s+([A-Za-z_]\w*)", re.M)
_IMPORT = re.compile(r"[ \t]*(?:import|from)[ \t]+(\w+)")


def lines_of(block: str) -> tuple[str, list[str]]:
    """The language of a fenced block, lower-cased, and its lines, those that a backslash continues made one."""
    opening, _, body = block.strip("\n").partition("\n")
    body = body.rpartition("\n")[0].replace("\\\n", " ")
    return opening.strip("`~ \t").lower(), [line for line in body.split("\n") if line.strip()]


def own_names(code: str) -> frozenset[str]:
    """The stems of what a block defines itself. What it imports is not its own."""
    return frozenset(term for pair in _BOUND.findall(code) for name in pair for term in content_terms(name))


def code_of(line: str) -> str:
    """A line without its comment and without what claims nothing: quoted words, modules that every Python has."""
    comment = _COMMENT.search(line)
    code = _STRING.sub(" ", line[: comment.start()] if comment else line)
    imported = _IMPORT.match(code)
    return "" if imported and imported.group(1) in sys.stdlib_module_names else code


def imports(lines: list[str]) -> frozenset[str]:
    """The modules that a block imports and not every Python has."""
    found = (match.group(1) for line in lines if (match := _IMPORT.match(_PROMPT.sub("", line, count=1))))
    return frozenset(found) - sys.stdlib_module_names


def comment_of(line: str) -> str:
    """What a line's comment says."""
    comment = _COMMENT.search(line)
    return line[comment.end() :] if comment else ""


def commands(language: str, lines: list[str]) -> Iterator[list[str]]:
    """The commands that a shell would run, each as its words. Blocks of no language may hold some too."""
    for line in lines:
        bare = _PROMPT.sub("", line, count=1).strip()
        comment = _COMMENT.search(bare)
        bare = bare[: comment.start()] if comment else bare
        first = bare.split(maxsplit=1)[0].lower() if bare.strip() else ""
        like = _COMMAND_LIKE if language in {"", "text", "txt", "plain", "plaintext"} else _WITH_OPTION
        if language in _SHELLS or (first not in _STATEMENTS and like.match(bare)):
            yield from (words for run in _COMMAND_BORDER.split(bare) if (words := run.split()))


def required(words: list[str]) -> Iterator[str]:
    """Of a command's words those that must be known: the command, options, plain words, absolute paths."""
    begun = False
    for word in words:
        bare = word.strip("\"'<>")
        if begun and (bare.startswith(_PLACEHOLDERS) or not re.search(r"[\w/~]", bare)):
            continue
        if not begun and (bare in _WRAPPERS or _ENVIRONMENT.match(bare)):
            # An environment variable is set to what the user likes.
            if bare == "sudo":
                yield bare
            continue
        path = re.search(r"[./~]", bare) is not None
        if not begun or bare.startswith(("-", "/", "~")) or not (path or bare.isdigit() or word[0] in "\"'"):
            yield bare.partition("=")[0] if bare.startswith("-") else bare
        begun = True


def options(text: str) -> frozenset[str]:
    """Every `-o` and `--option`."""
    return frozenset(_OPTION.findall(text))
