"""The command line: chat with an engine of its own or by URL, and the load generator."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from askmesh_llm.commands.load import Load, run


def askmesh_llm(*arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASKMESH_")}
    return subprocess.run(
        [sys.executable, "-m", "askmesh_llm", *arguments],
        input=typed,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_chat_answers_in_this_process_and_ends_with_the_input() -> None:
    done = askmesh_llm("chat", "--max-tokens", "5", typed="What can you do?\n/help\n\n/clear\nAgain?\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("I am askmesh's") == 2
    assert "(5 tokens" in done.stderr
    assert "Traceback" not in done.stderr


def test_chat_by_url_keeps_the_conversation(extractive: str) -> None:
    done = askmesh_llm("chat", "--url", f"{extractive}/v1", typed="One?\nTwo?\n/quit\nnever read\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no language model inside") == 2


def test_chat_says_what_is_wrong_and_goes_on(extractive: str) -> None:
    nobody = askmesh_llm("chat", "--url", "http://127.0.0.1:9/v1", typed="Hello?\n")
    assert nobody.returncode == 1
    assert "can't be reached" in nobody.stderr
    unknown = askmesh_llm("chat", "--url", f"{extractive}/v1", "--model", "gpt-99", typed="Hello?\nAgain?\n")
    assert unknown.returncode == 0
    assert unknown.stderr.count("not served here") == 2


def test_control_c_ends_the_answer_not_the_conversation(tmp_path: Any) -> None:
    (tmp_path / "slow.py").write_text(
        "import asyncio\n"
        "from askmesh_llm.engines.base import *\n"
        "class Slow(Engine):\n"
        "    info = EngineInfo('slow', 100)\n"
        "    async def generate(self, prompt, params):\n"
        "        yield Chunk(f'{len(prompt)} messages ')\n"
        "        await asyncio.sleep(1000 if prompt[-1].content == 'wait' else 0)\n"
        "        yield Chunk('', 'stop', Usage(1, 1))\n"
        "    async def count_tokens(self, prompt, model=''): return TokenCount(1)\n"
        "def create(settings): return Slow()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "ASKMESH_LLM_ENGINE": "slow:create"}
    with subprocess.Popen(
        [sys.executable, "-m", "askmesh_llm", "chat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("wait\n")
        process.stdin.flush()
        assert process.stdout.read(len("1 messages ")) == "1 messages "
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate("go on\n", timeout=100)
    assert "3 messages" in rest  # the question, the half answer, the next question
    assert process.returncode == 0


def test_bench_measures_a_server(extractive: str) -> None:
    done = askmesh_llm("bench", "--url", f"{extractive}/v1", "--concurrency", "1,3", "--max-tokens", "5", "--json")
    assert done.returncode == 0, done.stderr
    one, three = map(json.loads, done.stdout.splitlines())
    assert (one["requests"], one["tokens"], three["requests"], three["tokens"]) == (1, 5, 3, 15)
    assert 0 < three["first_p50_s"] <= three["first_last_s"] <= three["total_p95_s"] <= three["wall_s"]


@pytest.mark.parametrize("wrong", ["", "a", "0", "1,,2", "-1"])
def test_bench_refuses_what_is_no_number_of_requests(wrong: str) -> None:
    done = askmesh_llm("bench", f"--concurrency={wrong}")
    assert done.returncode == 2
    assert "is not a number of at least 1" in done.stderr
    assert "Traceback" not in done.stderr


def test_bench_counts_what_failed(extractive: str) -> None:
    result = asyncio.run(run(f"{extractive}/v1", "", Load(2, 4, max_tokens=3)))
    assert (result.requests, result.failed) == (4, 0)
    with pytest.raises(SystemExit, match="all 2 requests failed"):
        asyncio.run(run("http://127.0.0.1:9/v1", "", Load(1, 2)))
