"""Collections as models."""

from typing import Any

import pytest
from askmesh_bot.database.models import CollectionRow, now
from openai import NotFoundError, OpenAI

from ..web.site_app import Site
from .saying import QUESTION, user


@pytest.fixture
def collections(face: Site) -> Any:
    rows = [
        CollectionRow(name=name, index="i", namespace=name, fingerprint="f", created_at=now())
        for name in ("alpha", "default")
    ]
    face.add_rows(rows)
    yield {row.name: row for row in rows}
    face.remove_rows(rows)


def test_before_anything_is_learned_the_default_collection_can_be_chosen(client: OpenAI) -> None:
    assert [(model.id, model.created) for model in client.models.list()] == [("default", 0), ("askmesh", 0)]


def test_every_collection_is_a_model_the_default_one_first(client: OpenAI, collections: Any) -> None:
    models = list(client.models.list())
    assert [model.id for model in models] == ["default", "alpha", "askmesh"]
    assert {model.owned_by for model in models} == {"askmesh"}
    assert models[0].created == models[2].created == int(collections["default"].created_at.timestamp())
    assert client.models.retrieve("alpha") == models[1]


@pytest.mark.parametrize(("model", "collection"), [("default", "default"), ("askmesh", "default"), ("alpha", "alpha")])
def test_the_model_says_where_to_look(
    face: Site, client: OpenAI, collections: Any, model: str, collection: str
) -> None:
    answer = client.chat.completions.create(model=model, messages=[user(QUESTION)])
    assert answer.model == model
    assert face.assistant.asked[-1].collection == collection


def test_a_collection_named_like_the_alias_is_itself(face: Site, client: OpenAI) -> None:
    row = CollectionRow(name="askmesh", index="i", namespace="askmesh", fingerprint="f")
    face.add_rows([row])
    client.chat.completions.create(model="askmesh", messages=[user(QUESTION)])
    assert [model.id for model in client.models.list()] == ["default", "askmesh"]
    assert face.assistant.asked[-1].collection == "askmesh"
    face.remove_rows([row])


@pytest.mark.parametrize("name", ["gpt-4o", "org/model"])
def test_an_unknown_model_is_told_by_name(client: OpenAI, name: str) -> None:
    with pytest.raises(NotFoundError) as retrieved:
        client.models.retrieve(name)
    with pytest.raises(NotFoundError) as asked:
        client.chat.completions.create(model=name, messages=[user(QUESTION)])
    for error in (retrieved.value, asked.value):
        assert (error.code, error.param) == ("model_not_found", "model")
        assert name in error.message
        assert "default, askmesh" in error.message
