"""The int4 engine on a tiny Phi-3 built by its own command. Skipped where the extra is not installed."""

import asyncio
import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from askmesh_llm.commands import golden as golden_command
from askmesh_llm.engines.base import Chunk, ContextLengthExceeded, Engine, Message, SamplingParams
from askmesh_llm.engines.registry import create_engine

from .conftest import settings

og = pytest.importorskip("onnxruntime_genai", reason="the int4 extra is not installed: pip install 'askmesh-llm[int4]'")
pytest.importorskip("onnx_ir", reason="the int4-build extra is not installed")

# The first test waits for the model to be built.
pytestmark = [pytest.mark.anyio, pytest.mark.models, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def folder(checkpoint: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    target = tmp_path_factory.mktemp("int4") / "model"
    done = subprocess.run(
        [sys.executable, "-m", "askmesh_llm", "build-int4", str(checkpoint), str(target)],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return target


@pytest.fixture(scope="module")
async def engine(folder: pathlib.Path, anyio_backend: str) -> AsyncIterator[Engine]:
    made = create_engine(settings(engine="int4", model=str(folder), threads=1))
    assert "loaded" in str(await made.ready())
    await made.start()
    assert await made.ready() is None
    yield made
    await made.close()


async def write(engine: Engine, text: str, **params: Any) -> list[Chunk]:
    return [chunk async for chunk in engine.generate([Message("user", text)], SamplingParams(**params))]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_it_writes_what_the_library_itself_would(engine: Engine, folder: pathlib.Path) -> None:
    ids = (await engine.count_tokens([Message("user", "What is a path?")])).ids
    model = og.Model(str(folder))
    params = og.GeneratorParams(model)
    params.set_search_options(max_length=len(ids) + 12, do_sample=False)
    generator = og.Generator(model, params)
    generator.append_tokens(list(ids))
    expected: list[int] = []
    while not generator.is_done():
        generator.generate_next_token()
        expected.append(int(generator.get_next_tokens()[0]))
    written = await write(engine, "What is a path?", max_tokens=12)
    assert text_of(written) == (await engine.detokenize(expected)).rstrip("�")
    assert written[-1].usage
    assert written[-1].usage.completion_tokens == len(expected)


async def test_requests_take_turns_and_a_long_prompt_is_read_in_parts(engine: Engine) -> None:
    alone = text_of(await write(engine, "word " * 100, max_tokens=8))
    together = await asyncio.gather(*(write(engine, "word " * 100, max_tokens=8) for _ in range(4)))
    assert {text_of(chunks) for chunks in together} == {alone}


async def test_a_seed_repeats_its_answer(engine: Engine) -> None:
    drawn: dict[str, Any] = {"max_tokens": 12, "temperature": 1.0, "top_p": 0.95}
    answers = [text_of(await write(engine, "hello", **drawn, seed=seed)) for seed in (1, 1, 2, 3)]
    assert answers[0] == answers[1]
    assert len(set(answers)) > 1


async def test_a_closed_generator_frees_its_turn(engine: Engine) -> None:
    chunks = engine.generate([Message("user", "hello")], SamplingParams(max_tokens=400))
    await anext(chunks)
    await chunks.aclose()
    assert (await asyncio.wait_for(write(engine, "hello", max_tokens=2), 60))[-1].finish_reason


async def test_a_cancelled_request_leaves_nothing_behind(engine: Engine) -> None:
    for _ in range(5):
        task = asyncio.create_task(write(engine, "hello", max_tokens=400))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await asyncio.wait_for(write(engine, "hello", max_tokens=2), 60))[-1].finish_reason


async def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(engine: Engine) -> None:
    with pytest.raises(ContextLengthExceeded, match="maximum context length is 512"):
        await write(engine, "word " * 600)


async def test_a_stop_string_ends_the_answer(engine: Engine) -> None:
    text = text_of(await write(engine, "hello", max_tokens=30))
    stopped = await write(engine, "hello", max_tokens=30, stop=(text[6:8],))
    assert text_of(stopped) == text[: text.index(text[6:8])]
    assert stopped[-1].finish_reason == "stop"


async def test_a_recorded_model_passes_and_a_changed_answer_never_becomes_ready(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "golden.json"
    ours = {"engine": "int4", "model": str(folder), "threads": 1, "golden_file": str(file)}
    told = await golden_command.describe(settings(**ours), str(file))
    assert "recorded in" in told
    (name, entry), *_ = json.loads(file.read_text()).items()
    assert entry["tokens"]
    assert "known" in await golden_command.describe(settings(**ours), "")
    file.write_text(json.dumps({name: {"model": "tiny", "tokens": [entry["tokens"][0] + 1]}}))
    wrong = create_engine(settings(**ours))
    await wrong.start()
    assert "should begin its answer" in str(await wrong.ready())
    await wrong.close()


async def test_damaged_weights_never_become_ready(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    weights = copy / "model.onnx.data"
    weights.write_bytes(b"\xff" * weights.stat().st_size)
    damaged = create_engine(settings(engine="int4", model=str(copy), threads=1))
    await damaged.start()
    assert "could not be loaded" in str(await damaged.ready())
    await damaged.close()


async def test_a_folder_that_is_not_one_is_a_reason_not_a_crash(tmp_path: pathlib.Path) -> None:
    broken = create_engine(settings(engine="int4", model=str(tmp_path)))
    await broken.start()
    assert "build-int4" in str(await broken.ready())
    await broken.close()
