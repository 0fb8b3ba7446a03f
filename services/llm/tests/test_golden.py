"""The self-test: a model that is not what it should be never becomes ready."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from askmesh_llm.engines import golden
from askmesh_llm.engines.transformers.engine import TransformersEngine

from .conftest import settings

pytestmark = [pytest.mark.anyio, pytest.mark.models]


def engine_of(folder: pathlib.Path, **values: Any) -> TransformersEngine:
    return TransformersEngine(settings(engine="transformers", model=str(folder), dtype="fp32", **values))


async def started(folder: pathlib.Path, **values: Any) -> tuple[TransformersEngine, str | None]:
    engine = engine_of(folder, **values)
    await engine.start()
    return engine, await engine.ready()


@pytest.fixture
def damaged(checkpoint: pathlib.Path, tmp_path: pathlib.Path) -> Callable[[Callable[[dict[str, Any]], None]], Any]:
    """`damaged(change)` gives a copy of the checkpoint whose tensors `change` has altered."""
    import shutil

    from safetensors.torch import load_file, save_file

    def make(change: Callable[[dict[str, Any]], None]) -> pathlib.Path:
        shutil.copytree(checkpoint, tmp_path / "copy", dirs_exist_ok=True)
        tensors = load_file(tmp_path / "copy/model.safetensors")
        change(tensors)
        save_file(tensors, tmp_path / "copy/model.safetensors", {"format": "pt"})
        return tmp_path / "copy"

    return make


async def test_a_recorded_model_passes_and_a_changed_answer_does_not(
    checkpoint: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "golden.json"
    engine, trouble = await started(checkpoint)
    assert trouble is None
    name, steps = await engine.golden_steps()
    tokens = golden.record(str(file), name, "tiny", steps)
    await engine.close()
    assert tokens
    again, trouble = await started(checkpoint, golden_file=str(file))
    assert trouble is None
    assert (await again.golden_steps())[0] == name
    await again.close()
    file.write_text(json.dumps({name: {"model": "tiny", "tokens": [tokens[0] + 1]}}))
    wrong, trouble = await started(checkpoint, golden_file=str(file))
    assert "should begin its answer" in str(trouble)
    await wrong.close()
    file.write_text("[1]")
    unread, trouble = await started(checkpoint, golden_file=str(file))
    assert "GOLDEN_FILE" in str(trouble)
    await unread.close()
    file.unlink()
    unchecked, trouble = await started(checkpoint, golden_file=str(file))
    assert "golden.json" in str(trouble)
    await unchecked.close()


async def test_other_weights_have_another_fingerprint(checkpoint: pathlib.Path, damaged: Callable[..., Any]) -> None:
    engine, _ = await started(checkpoint)
    name = (await engine.golden_steps())[0]
    await engine.close()
    other, trouble = await started(damaged(lambda tensors: tensors["model.norm.weight"].mul_(1.5)))
    assert trouble is None
    assert (await other.golden_steps())[0] != name
    await other.close()


async def test_weights_that_are_no_numbers_never_become_ready(damaged: Callable[..., Any]) -> None:
    engine, trouble = await started(damaged(lambda tensors: tensors["model.norm.weight"].fill_(float("nan"))))
    assert "not finite" in str(trouble)
    await engine.close()


async def test_a_template_that_drops_the_text_never_becomes_ready(damaged: Callable[..., Any]) -> None:
    folder = damaged(lambda tensors: None)
    for path in folder.glob("chat_template*"):
        path.write_text("{% for message in messages %}<|user|>{{ message['content'] | upper }}<|end|>{% endfor %}")
    engine, trouble = await started(folder)
    assert trouble
    await engine.close()


def test_only_clear_tokens_are_stored() -> None:
    assert golden.clear_beginning([(5, 2.0), (7, 0.9), (9, 0.1), (11, 3.0)]) == [5, 7]


@pytest.mark.parametrize("steps", [[], [(1, float("nan"))], [(1, float("inf"))]])
def test_no_probabilities_are_a_failure(steps: Any) -> None:
    with pytest.raises(golden.SelfTestFailed):
        golden.check("name", steps, {})
