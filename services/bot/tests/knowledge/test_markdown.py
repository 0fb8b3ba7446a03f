"""Markdown pages become sections with GitHub's anchors and exact lines."""

from askmesh_bot.knowledge.parsing.markdown import parse_markdown
from hypothesis import given, settings
from hypothesis import strategies as st

PAGE = """---
title: Front
---
Opening words.

# Deploy it { #deploy }

## With `compose`: up & running

Text with a fence:

```sh
# not a heading
docker compose up
```

{* ../../docs_src/example.py *}

Setext heading
--------------

## Repeated
one
## Repeated
two
> ## quoted, not a section
"""


def test_sections_have_breadcrumbs_anchors_and_lines() -> None:
    parsed = parse_markdown(PAGE)
    assert parsed.title == "Front"
    found = {section.anchor: section for section in parsed.sections}
    assert list(found) == ["", "deploy", "with-compose-up--running", "setext-heading", "repeated", "repeated-1"]
    compose = found["with-compose-up--running"]
    assert compose.breadcrumbs == ("Deploy it", "With compose: up & running")
    assert (compose.line_start, compose.line_end, compose.text_line) == (8, 15, 10)
    assert "# not a heading" in compose.text
    assert "docs_src" not in compose.text
    assert found["repeated-1"].text == "two\n> ## quoted, not a section"


def test_front_matter_that_never_ends_is_text() -> None:
    parsed = parse_markdown("---\ntitle: x\nno end")
    assert parsed.sections[0].line_start == 1
    assert parsed.title == ""


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["# A", "## B", "text", "", "```", "~~~", "---", "===", "> # q", "- # l", "\t# t"])))
def test_text_stands_at_the_lines_it_says(lines: list[str]) -> None:
    for section in parse_markdown("\n".join(lines)).sections:
        body = section.text.split("\n")
        assert lines[section.text_line - 1 : section.text_line - 1 + len(body)] == body or section.text == ""
        assert 1 <= section.line_start <= section.line_end
