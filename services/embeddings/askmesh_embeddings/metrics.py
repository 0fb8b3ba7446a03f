"""What the service counts beyond the kit's HTTP metrics."""

from typing import Protocol

from askmesh_kit.metrics import BUCKETS_S, Metrics
from prometheus_client import Counter, Gauge, Histogram


class Queue(Protocol):
    """What waits, in texts and tokens."""

    texts: int
    tokens: int


class EmbeddingMetrics:
    """Registered with the app's own registry. Embeddings and reranking have a set each, told apart by `prefix`."""

    def __init__(self, metrics: Metrics, prefix: str = "askmesh_embeddings") -> None:
        registry = metrics.registry
        self._queued_texts = Gauge(f"{prefix}_queue_texts", "Texts waiting", ["priority"], registry=registry)
        self._queued_tokens = Gauge(f"{prefix}_queue_tokens", "Tokens waiting", ["priority"], registry=registry)
        self.refused = Counter(
            f"{prefix}_refused", "Requests refused because the queue was full", ["priority"], registry=registry
        )
        self.cache = Counter(f"{prefix}_cache", "Look-ups of query vectors", ["result"], registry=registry)
        self.tokens = Counter(f"{prefix}_tokens", "Tokens encoded", registry=registry)
        self._batch_texts = Histogram(
            f"{prefix}_batch_texts",
            "Texts in a batch",
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
        )
        self._batch_tokens = Histogram(
            f"{prefix}_batch_tokens",
            "Tokens in a batch, without padding",
            registry=registry,
            buckets=(16, 32, 64, 128, 256, 512, 1024, 4096, 16384),
        )
        self._encode_seconds = Histogram(
            f"{prefix}_encode_seconds", "Time to encode a batch", registry=registry, buckets=BUCKETS_S
        )

    def watch_queue(self, priority: str, queue: Queue) -> None:
        """Report the queue's depth whenever metrics are read."""
        self._queued_texts.labels(priority).set_function(lambda: queue.texts)
        self._queued_tokens.labels(priority).set_function(lambda: queue.tokens)

    def record_batch(self, texts: int, tokens: int, seconds: float) -> None:
        self.tokens.inc(tokens)
        self._batch_texts.observe(texts)
        self._batch_tokens.observe(tokens)
        self._encode_seconds.observe(seconds)
