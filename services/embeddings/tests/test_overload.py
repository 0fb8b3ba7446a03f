"""The service under load: refusal, priority, departure, failure, drain."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import openai
import own_encoders
import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def gate():
    own_encoders.GatedEncoder.gate.set()
    own_encoders.GatedEncoder.batches.clear()
    own_encoders.BrokenEncoder.calls = 0
    yield own_encoders.GatedEncoder.gate
    own_encoders.GatedEncoder.gate.set()


def texts(count, words=10):
    return [" ".join(f"{number}-{word}" for word in range(words)) for number in range(count)]


async def metric(client, name):
    lines = (await client.get("/metrics")).text.splitlines()
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name)))


async def until(condition, seconds=100):
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


def client_of(url):
    return httpx2.AsyncClient(base_url=url, timeout=60)


async def test_a_full_queue_is_a_429_with_retry_after_and_queries_still_pass(start, gate):
    url = start(encoder="own_encoders:GatedEncoder", bulk_queue_tokens=500, batch_tokens=10)
    gate.clear()
    async with client_of(url) as client, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as sdk:
        first = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts(100)}))
        await until(lambda: _is(client, 'askmesh_embeddings_queue_texts{priority="bulk"}', 99))
        with pytest.raises(openai.RateLimitError) as caught:
            await sdk.embeddings.create(model="own/hash", input=texts(20))
        assert int(caught.value.response.headers["retry-after"]) >= 1
        assert caught.value.code == "overloaded"
        assert await metric(client, 'askmesh_embeddings_refused_total{priority="bulk"}') == 1
        query = asyncio.create_task(client.post("/v1/embeddings", json={"input": "a query"}))
        await asyncio.sleep(0.1)
        gate.set()
        assert (await query).status_code == 200
        assert (await first).status_code == 200


async def test_a_query_overtakes_an_ingest(start, gate):
    url = start(encoder="own_encoders:GatedBulkEncoder", batch_tokens=10)
    gate.clear()
    async with client_of(url) as client:
        ingest = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts(60, words=2)}))
        await until(lambda: _is_at_least(client, 'askmesh_embeddings_queue_texts{priority="bulk"}', 20))
        assert (await client.post("/v1/embeddings", json={"input": "a query"})).status_code == 200
        assert not ingest.done()
        gate.set()
        assert (await ingest).status_code == 200


async def test_queries_that_gather_while_a_lane_is_busy_share_a_batch(start, gate):
    url = start(encoder="own_encoders:GatedEncoder")
    gate.clear()
    async with client_of(url) as client:
        own_encoders.GatedEncoder.batches.clear()
        waiting = [
            asyncio.create_task(client.post("/v1/embeddings", json={"input": f"query {number}"}))
            for number in range(20)
        ]
        await until(lambda: _is(client, 'askmesh_embeddings_queue_texts{priority="interactive"}', 19))
        gate.set()
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
    assert own_encoders.GatedEncoder.batches == [1, 19]


async def test_a_client_that_leaves_takes_its_texts_with_it(start, gate):
    url = start(encoder="own_encoders:GatedEncoder", batch_tokens=10)
    gate.clear()
    async with client_of(url) as client:
        leaving = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts(50)}))
        await until(lambda: _is(client, 'askmesh_embeddings_queue_texts{priority="bulk"}', 49))
        leaving.cancel()
        await until(lambda: _is(client, 'askmesh_embeddings_queue_texts{priority="bulk"}', 0))
        gate.set()
        assert (await client.post("/v1/embeddings", json={"input": texts(9)})).status_code == 200
        assert await metric(client, "askmesh_embeddings_tokens_total") <= 100


async def test_the_callers_deadline_ends_the_wait_and_empties_the_queue(start, gate):
    url = start(encoder="own_encoders:GatedEncoder", batch_tokens=10)
    gate.clear()
    async with client_of(url) as client:
        late = await client.post("/v1/embeddings", json={"input": texts(50)}, headers={"X-Request-Deadline-Ms": "300"})
        assert late.status_code == 504
        assert late.json()["error"]["code"] == "deadline_exceeded"
        await until(lambda: _is(client, 'askmesh_embeddings_queue_texts{priority="bulk"}', 0))
        gate.set()


async def test_an_encoder_that_fails_gives_a_500_and_leaves_nothing_behind(start):
    url = start(encoder="own_encoders:BrokenEncoder", batch_tokens=10)
    async with client_of(url) as client:
        answer = await client.post("/v1/embeddings", json={"input": texts(50)})
        assert answer.status_code == 500
        assert "out of memory" not in answer.text
        await until(lambda: _is(client, 'askmesh_embeddings_queue_texts{priority="bulk"}', 0))


async def test_random_departures_leave_an_empty_queue_and_true_answers(start):
    url = start(encoder="own_encoders:HashEncoder", batch_tokens=40, lanes=2, cache_entries=0)
    async with client_of(url) as client:
        expected = (await client.post("/v1/embeddings", json={"input": texts(30, words=3)})).json()["data"]

        async def ask(number):
            if number % 3 == 0:
                task = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts(30, words=3)}))
                await asyncio.sleep(0.001 * (number % 7))
                task.cancel()
                await asyncio.wait([task])
                return None
            return (await client.post("/v1/embeddings", json={"input": texts(1 + number % 30, words=3)})).json()["data"]

        for answer in await asyncio.gather(*(ask(number) for number in range(90))):
            assert answer is None or answer == expected[: len(answer)]
        for priority in ("interactive", "bulk"):
            await until(lambda name=priority: _is(client, f'askmesh_embeddings_queue_tokens{{priority="{name}"}}', 0))
        await until(lambda: _is(client, "askmesh_http_requests_in_flight", 1))


async def test_the_cache_answers_a_repeated_query_without_an_encode(start):
    url = start(encoder="own_encoders:HashEncoder")
    async with client_of(url) as client:
        bodies = [
            {"input": "a query", "input_type": "query"},
            {"input": "a query", "input_type": "query"},
            {"input": "a query", "input_type": "document"},
            {"input": ["a query", "another"], "input_type": "query"},
        ]
        answers = [(await client.post("/v1/embeddings", json=body)).json() for body in bodies]
        assert answers[0]["data"] == answers[1]["data"]
        assert answers[0]["usage"] == answers[1]["usage"]
        assert answers[0]["data"][0]["embedding"] != answers[2]["data"][0]["embedding"]
        assert answers[3]["data"][0] == answers[0]["data"][0]
        assert await metric(client, 'askmesh_embeddings_cache_total{result="hit"}') == 2
        assert await metric(client, 'askmesh_embeddings_cache_total{result="miss"}') == 3
        assert await metric(client, "askmesh_embeddings_tokens_total") == 2 + 2 + 1


async def test_what_was_admitted_is_answered_after_the_stop_signal(serve, gate):
    async with asyncio.timeout(100):
        context = serve(encoder="own_encoders:GatedEncoder", batch_tokens=10)
        url = context.__enter__()
        gate.clear()
        async with client_of(url) as client:
            waiting = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts(20)}))
            await until(lambda: _is(client, 'askmesh_embeddings_queue_texts{priority="bulk"}', 19))
            stopping = asyncio.create_task(asyncio.to_thread(context.__exit__, None, None, None))
            await asyncio.sleep(0.3)
            gate.set()
            assert len((await waiting).json()["data"]) == 20
        await stopping


async def test_the_command_serves_and_drains_on_sigterm(tmp_path, free_port):
    port = free_port()
    environment = os.environ | {
        "ASKMESH_EMBEDDINGS_PORT": str(port),
        "ASKMESH_EMBEDDINGS_ENCODER": "own_encoders:SlowEncoder",
        "ASKMESH_EMBEDDINGS_LANES": "1",
        "PYTHONPATH": str(Path(__file__).parent),
    }
    process = subprocess.Popen([sys.executable, "-m", "askmesh_embeddings", "serve"], env=environment, cwd=tmp_path)
    try:
        async with client_of(f"http://127.0.0.1:{port}") as client:
            await until(lambda: _ready(client))
            waiting = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts(10, words=5)}))
            # The request that asks is one of them.
            while not waiting.done() and await metric(client, "askmesh_http_requests_in_flight") < 2:
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            assert len((await waiting).json()["data"]) == 10
        assert process.wait(60) == 0
    finally:
        process.kill()


async def _is(client, name, value):
    return await metric(client, name) == value


async def _is_at_least(client, name, value):
    return await metric(client, name) >= value


async def _ready(client):
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx2.TransportError:
        return False


async def test_one_callers_flood_does_not_shut_the_others_out(start, gate):
    url = start(
        encoder="own_encoders:GatedEncoder", interactive_queue_tokens=100, batch_tokens=10, api_keys="a=read,b=read"
    )
    gate.clear()
    async with client_of(url) as client:

        def ask(key, number):
            return client.post("/v1/embeddings", json={"input": texts(number)[-1]}, headers=headers[key])

        headers = {key: {"Authorization": f"Bearer {key}"} for key in "ab"}
        flood = [asyncio.create_task(ask("a", number)) for number in range(1, 30)]
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        other = [asyncio.create_task(ask("b", number)) for number in range(31, 33)]
        # Whichever of the two arrived second.
        (refused,), (admitted,) = await asyncio.wait(other, return_when=asyncio.FIRST_COMPLETED)
        assert refused.result().status_code == 429, "the reserve is for those with nothing waiting"
        gate.set()
        assert (await admitted).status_code == 200
        statuses = [(await each).status_code for each in flood]
    assert statuses.count(200) == 11, "one in the lane and a full queue"
    assert statuses.count(429) == 18


async def test_an_encoder_that_loses_texts_gives_a_500_and_not_silence(start):
    url = start(encoder="own_encoders:ForgetfulEncoder")
    async with client_of(url) as client:
        assert (await client.post("/v1/embeddings", json={"input": texts(5)})).status_code == 500
        assert (await client.post("/v1/embeddings", json={"input": "one"})).status_code == 200


async def test_long_texts_are_not_kept_in_the_cache(start):
    url = start(encoder="own_encoders:HashEncoder")
    async with client_of(url) as client:
        for _ in range(2):
            body = {"input": "word " * 2_000, "truncate": True}
            assert (await client.post("/v1/embeddings", json=body)).status_code == 200
        assert await metric(client, 'askmesh_embeddings_cache_total{result="miss"}') == 2
