"""What the service counts about generations, beside the kit's HTTP metrics."""

from askmesh_kit.metrics import BUCKETS_S, Metrics
from prometheus_client import Counter, Gauge, Histogram


class LlmMetrics:
    """Registered with the app's own registry. Times are in seconds."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.active = Gauge("askmesh_llm_active", "Generations running", registry=registry)
        self.waiting = Gauge("askmesh_llm_waiting", "Requests waiting for a place", registry=registry)
        self.held = Gauge("askmesh_llm_held_tokens", "Tokens that running requests may come to hold", registry=registry)
        self.first_token = Histogram(
            "askmesh_llm_first_token_seconds",
            "From arrival to the first piece of text",
            registry=registry,
            buckets=BUCKETS_S,
        )
        self.rate = Histogram(
            "askmesh_llm_tokens_per_second",
            "Tokens written per second after the first, per generation",
            registry=registry,
            buckets=(0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000),
        )
        self.prompt_tokens = Counter("askmesh_llm_prompt_tokens", "Tokens read", registry=registry)
        self.completion_tokens = Counter("askmesh_llm_completion_tokens", "Tokens written", registry=registry)
        self.ended = Counter(
            "askmesh_llm_generations", "Generations, by how they ended", ["outcome"], registry=registry
        )
