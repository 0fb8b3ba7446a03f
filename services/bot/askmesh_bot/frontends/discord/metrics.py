"""What operators see of Discord in `/metrics`."""

import asyncio
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from askmesh_bot.frontends.discord.status import State, Status

_LAG_EVERY_S = 0.25
_LAG_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class DiscordMetrics:
    """Counters of the frontend's own, and the connection's status as it is when it is asked for."""

    def __init__(self, registry: CollectorRegistry, status: Status) -> None:
        self.answers = Counter(
            "askmesh_discord_answers", "Questions closed, by outcome", ["outcome"], registry=registry
        )
        self.edits = Counter("askmesh_discord_edits", "Edits of answers", registry=registry)
        self.caught_up = Counter(
            "askmesh_discord_caught_up", "Messages answered that were missed while disconnected", registry=registry
        )
        self.loop_lag = Histogram(
            "askmesh_discord_event_loop_lag_seconds",
            "How late the event loop wakes a timer",
            buckets=_LAG_BUCKETS_S,
            registry=registry,
        )
        registry.register(_StatusCollector(status))

    async def watch_loop(self) -> None:
        """Measures how late this process's event loop is. Runs until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + _LAG_EVERY_S
            await asyncio.sleep(_LAG_EVERY_S)
            self.loop_lag.observe(max(0.0, clock() - due))


class _StatusCollector(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        state = GaugeMetricFamily("askmesh_discord_state", "1 for the state the connection is in", labels=["state"])
        for each in State:
            state.add_metric([each.value], float(self._status.state is each))
        yield state
        latency = self._status.latency_s
        yield GaugeMetricFamily(
            "askmesh_discord_latency_seconds",
            "Time from a heartbeat to its acknowledgement",
            value=float("nan") if latency is None else latency,
        )
        yield CounterMetricFamily("askmesh_discord_restarts", "Clients replaced", value=self._status.restarts)
        yield CounterMetricFamily(
            "askmesh_discord_dropped_events", "Events that could not be read", value=self._status.dropped_events
        )
