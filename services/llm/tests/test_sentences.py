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


@pytest.mark.parametrize(
    "unit", ["a. ", "`", "(", "f(", '"a. ', "- a\n", "a:\n  b\n", "```\n", "|a|", "...", "() -> ", "a, b, "]
)
def test_cutting_stays_quick_on_hostile_text(unit: str) -> None:
    began = time.process_time()
    units(unit * (40_000 // len(unit)))
    assert time.process_time() - began < 2
