"""Rate limits by route and major parameter, told in Discord's headers; 429 beyond them."""

import hashlib
import time
from dataclasses import dataclass, field

from aiohttp import web

# Requests and window in seconds for a method and route template; the first match counts. Discord does not publish
# these: they are what its headers say in practice.
DEFAULT_LIMITS: dict[tuple[str, str], tuple[int, float]] = {
    ("POST", "/channels/{channel}/messages"): (5, 5.0),
    ("PATCH", "/channels/{channel}/messages/{message}"): (5, 5.0),
    ("PATCH", "/webhooks/{application}/{token}/messages/{message}"): (5, 2.0),
    ("POST", "/webhooks/{application}/{token}"): (5, 2.0),
}
OTHERS = (50, 1.0)


@dataclass
class Bucket:
    limit: int
    window_s: float
    spent: int = 0
    resets_at: float = 0.0

    def take(self) -> bool:
        now = time.time()
        if now >= self.resets_at:
            self.spent, self.resets_at = 0, now + self.window_s
        self.spent += 1
        return self.spent <= self.limit


@dataclass
class RateLimiter:
    """One bucket per method, route and major parameter."""

    limits: dict[tuple[str, str], tuple[int, float]] = field(default_factory=lambda: dict(DEFAULT_LIMITS))
    buckets: dict[str, Bucket] = field(default_factory=dict)

    def take(self, method: str, route: str, major: str) -> tuple[bool, dict[str, str]]:
        """Whether the request may pass, and the headers that say so."""
        limit, window = self.limits.get((method, route), OTHERS)
        bucket = self.buckets.setdefault(f"{method} {route} {major}", Bucket(limit, window))
        passed = bucket.take()
        after = max(0.0, bucket.resets_at - time.time())
        return passed, {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(max(0, bucket.limit - bucket.spent)),
            "X-RateLimit-Reset": f"{bucket.resets_at:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(f"{method} {route}".encode()).hexdigest()[:32],
        }


def too_many(retry_after: float, headers: dict[str, str], *, scope: str = "user") -> web.Response:
    """Discord's 429. `Via` tells clients that Discord itself, not Cloudflare in front of it, answered."""
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": scope == "global"}
    told = {"Retry-After": str(max(1, round(retry_after))), "X-RateLimit-Scope": scope, "Via": "1.1 google"}
    if scope == "global":
        told["X-RateLimit-Global"] = "true"
    return web.json_response(body, status=429, headers=headers | told)
