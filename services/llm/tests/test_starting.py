"""A model that cannot be loaded is tried again, and shutdown does not wait for that."""

import asyncio
import shutil
import threading
import time

import pytest
from askmesh_llm.app import create_app

from .conftest import running, settings


@pytest.mark.models
def test_a_model_that_comes_later_is_served_then(tmp_path, checkpoint):
    later = tmp_path / "later"
    timer = threading.Timer(1.0, lambda: shutil.copytree(checkpoint, later))
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
    assert time.monotonic() - began < 10
