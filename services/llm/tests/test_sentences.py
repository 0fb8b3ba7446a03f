"""How passages are cut into what may be quoted."""

import time

import pytest
from askmesh_llm.engines.extractive.sentences import sentences, units
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "text",
    [
        "It needs Python 3.11 or later, e.g. 3.12, i.e. not 2.7.",
        "Call `path.read_text(). Then stop.` before you go on.",
        "See https://example.org/a.b. for Mr. Smith et al. on p. 7.",
        "The name (default: ``os.path.basename(sys.argv[0])``) is shown.",
        "Use os.PathLike objects, vs. strings, where you can.",
    ],
)
def test_one_sentence_stays_one(text: str) -> None:
    assert sentences(text) == [text]


def test_sentences_are_cut_where_they_end() -> None:
    text = 'Open the file. Read it! Is it "done?" Yes. `close()` ends it. 3 files remain.'
    assert sentences(text) == [
        "Open the file.",
        "Read it!",
        'Is it "done?"',
        "Yes.",
        "`close()` ends it.",
        "3 files remain.",
    ]


@given(st.text(alphabet=st.sampled_from('ab. `!?\n"()[]*#->:|=1'), max_size=200))
def test_nothing_is_invented_and_nothing_with_letters_is_lost(text: str) -> None:
    found = "".join(part.text for part in units(text))
    letters = [char for char in text if char in "ab"]
    assert len([char for char in found if char in "ab"]) <= len(letters)
    assert all(part.text.strip() for part in units(text))


def test_a_fence_is_one_unit_verbatim() -> None:
    text = "Do this:\n\n```python\nx = 1\n\n# not a heading. Really.\ny = 2\n```\nThen that."
    kinds = [(unit.kind, unit.text) for unit in units(text)]
    assert kinds == [
        ("sentence", "Do this:"),
        ("code", "x = 1\n\n# not a heading. Really.\ny = 2"),
        ("sentence", "Then that."),
    ]


def test_doctests_and_literal_blocks_are_code() -> None:
    text = "Counts things.\n\n>>> Counter('aab')\nCounter({'a': 2, 'b': 1})\n\nAn example::\n\n    c = Counter()\n    c['x'] += 1\n\nEnd."
    assert [unit.kind for unit in units(text)] == ["sentence", "code", "sentence", "code", "sentence"]


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("- prog -- The name of the program\n  (default: sys.argv[0])\n- usage -- A usage message", "prog -- The name of the program (default: sys.argv[0])"),
        ("Args:\n    path: Where it is. It must exist.\n    mode (int): How to open.", "path: Where it is. It must exist."),
        ("Parameters\n----------\npath : str\n    Where it is.\nmode : int\n    How.", "path : str Where it is."),
        (":param path: where it is\n:returns: the text", ":param path: where it is"),
        ("1. Open it\n2. Close it", "Open it"),
    ],
)  # fmt: skip
def test_list_items_and_parameters_are_units(text: str, item: str) -> None:
    assert ("item", item) in [(unit.kind, unit.text) for unit in units(text)]


def test_headings_lead_but_are_not_quoted() -> None:
    found = units("# Deploy\nRun it.\n\nCompose\n=======\nUse docker.")
    assert [(unit.lead, unit.text) for unit in found] == [("Deploy", "Run it."), ("Compose", "Use docker.")]


MARKDOWN_TABLE = """
| Variable | Default | Meaning |
|:---|---|---|
| `PORT` | `8000|8001` | Port to listen on. |
| `HOST` | | Address. |
"""
LOOSE_TABLE = "Name | Value\n--- | ---\nspeed | 3 m/s"
GRID_TABLE = """
+-------+--------+
| Name  | Value  |
+=======+========+
| speed | three  |
|       | metres |
+-------+--------+
"""
SIMPLE_TABLE = """
=====  ======
Name   Value
=====  ======
speed  three
       metres
mass   two
=====  ======
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MARKDOWN_TABLE, ["`PORT` — Default: `8000|8001`; Meaning: Port to listen on.", "`HOST`: Address."]),
        (LOOSE_TABLE, ["speed: 3 m/s"]),
        (GRID_TABLE, ["speed: three metres"]),
        (SIMPLE_TABLE, ["speed: three metres", "mass: two"]),
        ("| lonely | row |", ["lonely: row"]),
        ("|---|---|", []),
    ],
)
def test_a_row_of_a_table_is_said_with_the_names_of_its_columns(text: str, said: list[str]) -> None:
    assert [unit.text for unit in units(text)] == said


@pytest.mark.parametrize(
    "text",
    [
        "@property",
        "@app.get('/items')",
        "overload (x: int) -> int",
        "__all__ = ['open', 'close',\n           'read']",
        "import os\nfrom pathlib import Path",
        "LIMIT = 5\nNAMES: list[str] = []",
        "if x:\n    return y",
    ],
)
def test_program_text_is_never_a_sentence(text: str) -> None:
    assert {unit.kind for unit in units(text)} <= {"code", "signature"}
    assert [unit.text for unit in units(f"{text}\n\nOpen the file.") if unit.kind == "sentence"] == ["Open the file."]


@pytest.mark.parametrize(
    "text", ["Return the name of the file.", "With this option a = 5 is what you get.", "Set x = 3 to stop it early."]
)
def test_prose_with_a_little_code_stays_prose(text: str) -> None:
    assert [(unit.kind, unit.text) for unit in units(text)] == [("sentence", text)]


def test_a_link_is_quoted_by_its_words() -> None:
    text = 'First install [`a-b`](https://a.example/x_(y)), see [the guide](../g.md "Guide") and ![it](i.png).'
    assert [unit.text for unit in units(text)] == ["First install `a-b`, see the guide and it."]
    code = "```\n[a](b)\n```"
    assert [unit.text for unit in units(code)] == ["[a](b)"]


@pytest.mark.parametrize(
    "text",
    [
        "{* ../docs_src/a.py hl[1] *}\n\nUse it.",
        "/// tip | Do it\n\nUse it.\n\n///",
        ":::{note} Do it\nUse it.\n:::",
        '!!! note "Do it"\n    Use it.',
        "--8<-- 'a.md'\n\nUse it.",
        ".. automodule:: a.b\n   :members:\n   :undoc-members:\n\nUse it.",
    ],
)
def test_a_builders_markup_is_not_quoted(text: str) -> None:
    assert [unit.text for unit in units(text)] == ["Use it."]


@pytest.mark.parametrize(
    "unit",
    [
        "| a | b |\n",
        "|a\n--|--\n",
        "== ==\na  b\n",
        "+--+\n",
        "`|",
        "@a\n",
        "a = b\n",
        "('a', ",
        "a b c d e ",
        "a. ",
        "`",
        "(",
        "f(",
        '"a. ',
        "- a\n",
        "a:\n  b\n",
        "```\n",
        "|a|",
        "...",
        "() -> ",
        "a, b, ",
    ],
)
def test_cutting_stays_quick_on_hostile_text(unit: str) -> None:
    assert_quick(unit * (40_000 // len(unit)))


@pytest.mark.parametrize(
    "line", ["|{}x|", "a{}!", "a |{}x", "== {}==x", "///{}!", "return {}!", "{{*{}x", "[a]({}!", "a: {}!"]
)
@pytest.mark.parametrize("filling", [" ", "-", "a ", "="])
def test_one_long_line_is_cut_quickly(line: str, filling: str) -> None:
    assert_quick(line.format(filling * (40_000 // len(filling))))


def assert_quick(text: str) -> None:
    began = time.process_time()
    units(text)
    assert time.process_time() - began < 2
