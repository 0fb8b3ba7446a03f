"""Readiness, metrics, and what the log says and hides."""

import asyncio
import json
import logging
from typing import Any

import pytest
from askmesh_kit import context, logs


async def fine() -> str | None:
    return None


async def broken() -> str | None:
    return "the disk is full"


async def raising() -> str | None:
    raise ValueError("no such index")


async def hanging() -> str | None:
    await asyncio.sleep(1000)
    return None


def test_ready_when_every_check_passes(serve: Any) -> None:
    answer = serve(checks={"store": fine}).client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


def test_a_failed_check_makes_it_unready_and_says_why(serve: Any) -> None:
    answer = serve(checks={"store": broken, "model": fine}).client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unready",
        "checks": {"store": {"ok": False, "reason": "the disk is full"}, "model": {"ok": True, "reason": None}},
    }


def test_a_failed_optional_check_only_degrades(serve: Any) -> None:
    answer = serve(checks={"store": fine}, optional_checks={"peer": raising}).client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["peer"]["reason"] == "ValueError: no such index"


def test_a_check_that_hangs_is_given_up(serve: Any) -> None:
    answer = serve(checks={"peer": hanging}).client.get("/readyz")
    assert answer.status_code == 503
    assert "no answer within" in answer.json()["checks"]["peer"]["reason"]


def test_an_unready_service_is_still_alive(serve: Any) -> None:
    assert serve(checks={"store": broken}).client.get("/livez").json() == {"status": "alive"}


def test_metrics_count_requests_by_route(serve: Any) -> None:
    client = serve().client
    client.post("/things", json={"name": "x"})
    client.get("/no/such/path")
    text = client.get("/metrics").text
    assert 'askmesh_http_requests_total{method="POST",route="/things",status="200"} 1.0' in text
    # Unknown paths share one label: a scanner must not fill the memory.
    assert 'route="unmatched",status="404"} 1.0' in text
    assert "/no/such/path" not in text


def log_lines(capfd: Any, *events: str) -> list[dict[str, Any]]:
    """Lines of these events: services of other tests may still run in this process."""
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] in events]


def json_logger() -> Any:
    """Configured inside the test: the handler writes to the standard error of that moment."""
    logs.configure("example", "info", "json")
    return logs.get_logger("test")


@pytest.mark.parametrize("name", ["api_key", "token", "authorization", "Authorization", "discord_token", "password"])
def test_secrets_are_masked_by_their_name(capfd: Any, name: str) -> None:
    json_logger().info("calling", **{name: "hunter2", "url": "http://x"})
    (line,) = log_lines(capfd, "calling")
    assert (line[name], line["url"]) == ("***", "http://x")


def test_every_line_carries_the_request_id(capfd: Any) -> None:
    token = context.request_id.set("id-7")
    try:
        json_logger().info("one")
        logging.getLogger("some.library").warning("two %s", "words")
    finally:
        context.request_id.reset(token)
    lines = log_lines(capfd, "one", "two words")
    assert [line["event"] for line in lines] == ["one", "two words"]
    assert {line["request_id"] for line in lines} == {"id-7"}


def test_an_access_line_is_written_per_request_but_not_for_probes(serve: Any, capfd: Any) -> None:
    client = serve(log_format="json").client
    client.get("/livez")
    client.get("/context", headers={"x-request-id": "seen", "authorization": "Bearer hunter2"})
    # A line is written when its answer is on its way, and before the next request is looked at.
    client.get("/livez")
    lines = log_lines(capfd, "request")
    assert [(line["path"], line["status"], line["request_id"]) for line in lines] == [("/context", 200, "seen")]
    assert "hunter2" not in json.dumps(lines)


def test_a_secret_in_an_exception_of_a_masked_field_stays_hidden(capfd: Any) -> None:
    json_logger().error("failed", api_key="hunter2", exc_info=ValueError("boom"))
    err = capfd.readouterr().err
    assert "boom" in err
    assert "hunter2" not in err
