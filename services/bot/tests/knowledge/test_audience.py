"""Who may see a document of a source for a few."""

import pytest
from askmesh_bot.knowledge.audience import is_label, narrowed


@pytest.mark.parametrize(
    ("source", "document", "both"),
    [
        ((), ("public",), ("public",)),
        ((), ("role:1",), ("role:1",)),
        (("public",), ("role:1",), ("role:1",)),
        (("role:1", "role:2"), ("public",), ("role:1", "role:2")),
        (("role:1", "role:2"), ("role:2", "role:3"), ("role:2",)),
        (("role:1",), ("channel:2",), ("nobody",)),
    ],
)
def test_a_document_is_seen_by_those_who_may_see_it_and_its_source(
    source: tuple[str, ...], document: tuple[str, ...], both: tuple[str, ...]
) -> None:
    assert narrowed(source, document) == both


@pytest.mark.parametrize("text", ["public", "role:123", "team:core.eng", "staff"])
def test_labels(text: str) -> None:
    assert is_label(text)
    assert not is_label(text.upper())
    assert not is_label(f"{text} ")
