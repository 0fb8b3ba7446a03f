"""Prometheus metrics of one app. Each app has a registry of its own, so several can live in one test process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The HTTP metrics every service has; a service adds its own to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        labels = ["method", "route", "status"]
        self.requests = Counter("askmesh_http_requests", "Requests answered", labels, registry=self.registry)
        self.seconds = Histogram(
            "askmesh_http_request_seconds",
            "Time to the end of the response",
            ["route"],
            registry=self.registry,
            buckets=BUCKETS_S,
        )
        self.in_flight = Gauge("askmesh_http_requests_in_flight", "Requests being answered", registry=self.registry)
