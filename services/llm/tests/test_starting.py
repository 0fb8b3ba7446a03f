"""A model that cannot be loaded is tried again, and shutdown does not wait for that."""

import asyncio
import gc
import json
import shutil
import threading
import time

import httpx2
import own_engine
import pytest
from askmesh_llm.app import create_app
from askmesh_llm.engines.registry import create_engine
from askmesh_llm.serving.starting import Starter

from .conftest import running, settings


@pytest.mark.models
def test_a_model_that_comes_later_is_served_then(tmp_path, checkpoint):
    later, copy = tmp_path / "later", shutil.copytree(checkpoint, tmp_path / "copy")
    # Whole from the beginning: half of a model may be another one, which is not tried again.
    timer = threading.Timer(1.0, lambda: copy.rename(later))
    timer.start()
    options = {"engine": "transformers", "dtype": "fp32", "cache_tokens": 1024, "load_retry_s": 0.2}
    with running(create_app(settings(model=str(later), **options))):
        timer.join()


@pytest.mark.models
@pytest.mark.anyio
@pytest.mark.parametrize("load_retry_s", [0.0, 300.0])
async def test_shutdown_does_not_wait_for_the_next_attempt(tmp_path, load_retry_s):
    app = create_app(settings(engine="transformers", model=str(tmp_path / "none"), load_retry_s=load_retry_s))
    async with app.router.lifespan_context(app) as state:
        deadline = time.monotonic() + 60
        while "loaded:" not in str(await state["engine"].ready()) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        began = time.monotonic()
    assert time.monotonic() - began < 60


@pytest.mark.anyio
async def test_an_engine_of_ones_own_that_raises_is_not_ready_and_is_tried_again():
    app = create_app(settings(engine="own_engine:late", load_retry_s=0.05))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver") as client,
    ):
        async with asyncio.timeout(60):
            while "not yet" not in (answer := await client.get("/readyz")).text:
                await asyncio.sleep(0.02)
            assert answer.status_code == 503
            own_engine.Late.comes.set()
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)


@pytest.mark.models
@pytest.mark.anyio
async def test_a_model_that_is_not_what_it_should_be_is_neither_kept_nor_read_again(tmp_path, checkpoint):
    options = {"engine": "transformers", "model": str(checkpoint), "dtype": "fp32", "cache_tokens": 1024}
    right = create_engine(settings(**options))
    await right.start()
    name, _ = await right.golden_steps()
    await right.close()
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps({name: {"model": "tiny", "tokens": [1, 2, 3]}}))
    before = models_in_memory()
    wrong = create_engine(settings(**options, golden_file=str(golden)))
    starter = Starter(wrong, 0.05)
    await asyncio.wait_for(starter.run(), 60)
    assert "should begin its answer" in str(await starter.ready())
    # Those of tests before this one may go meanwhile.
    assert models_in_memory() <= before


def models_in_memory() -> int:
    gc.collect()
    return sum(type(one).__name__ == "Phi3ForCausalLM" for one in gc.get_objects())
