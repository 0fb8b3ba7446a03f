"""Python modules: a section per documented or public object, headed by its qualified name and signature."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from askmesh_bot.knowledge.base import Parsed, Section
from askmesh_bot.knowledge.parsing.definitions import Definition, ModuleOutline, read_module
from askmesh_bot.knowledge.parsing.gallery import is_gallery_script, parse_gallery_script

# Longer blocks of module-level code are tables of data.
_MOST_CODE_LINES = 40


@dataclass(frozen=True)
class ModuleContext:
    """What a module's own text does not tell: its name, where it is re-exported, and what to learn of it."""

    name: str  # dotted; empty for a script outside any package
    # Qualified name -> shorter public name; `pkg.mod.*` stands for everything that pkg.mod exports.
    aliases: Mapping[str, str] = field(default_factory=dict)
    private: bool = False  # undocumented and private objects too
    code: bool = True  # module-level code


def parse_python(text: str, context: ModuleContext) -> Parsed:
    """Sections of a module in source order. Survives syntax newer than this Python."""
    if is_gallery_script(text):
        return parse_gallery_script(text)
    outline = read_module(text)
    sections = [
        _section(item, outline, context)
        for item in outline.definitions
        if context.private or (item.public and (item.docstring or item.kind == "function"))
    ]
    if context.code and context.name:
        sections.extend(_code_sections(text, outline, context.name))
    sections = [section for section in sections if section.text or section.symbol != context.name]
    return Parsed(context.name, tuple(sorted(sections, key=lambda section: section.line_start)))


def _section(item: Definition, outline: ModuleOutline, context: ModuleContext) -> Section:
    symbol = public_name(item.name, outline, context)
    docstring_end = item.docstring_line + item.docstring.count("\n") if item.docstring else item.line_start
    return Section(
        breadcrumbs=(f"{symbol}{item.signature}",),
        text="\n".join([*item.notes, item.docstring]).strip(),
        line_start=item.line_start,
        line_end=max(item.line_end, min(docstring_end, item.line_end), item.line_start),
        symbol=symbol,
        text_line=max(1, item.docstring_line - len(item.notes)) if item.docstring else item.line_start,
    )


def public_name(name: str, outline: ModuleOutline, context: ModuleContext) -> str:
    """The shortest name users can import an object by: `fury.actor.sphere` for fury/actor/curved.py's sphere."""
    if not name:
        return context.name
    qualified = f"{context.name}.{name}" if context.name else name
    head, _, rest = name.partition(".")
    alias = context.aliases.get(f"{context.name}.{head}")
    package = context.aliases.get(f"{context.name}.*")
    if alias is None and package and (head in outline.exports if outline.exports else not head.startswith("_")):
        alias = f"{package}.{head}"
    if alias is None:
        return qualified
    return f"{alias}.{rest}" if rest else alias


def _code_sections(text: str, outline: ModuleOutline, module: str) -> Iterator[Section]:
    """What a comment introduces stands on its own; other statements between two definitions stand together."""
    lines = text.split("\n")
    for first, end in outline.code:
        start = first
        # The comment above a statement tells what it is for.
        while start > 1 and lines[start - 2].startswith("#"):
            start -= 1
        introduced = [number for number in range(start, end) if _introduces(lines, number)]
        for begin, stop in pairwise([*dict.fromkeys([start, *introduced]), end + 1]):
            body = "\n".join(lines[begin - 1 : stop - 1]).rstrip()
            if body.count("\n") < _MOST_CODE_LINES:
                line_end = begin + body.count("\n")
                yield Section((f"{module} (module code)",), body, begin, line_end, symbol=module, text_line=begin)


def _introduces(lines: Sequence[str], number: int) -> bool:
    """Whether a comment that begins on this line (1-based) stands after a blank one."""
    return lines[number - 1].startswith("#") and number > 1 and not lines[number - 2].strip()
