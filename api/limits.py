"""Rate limits: requests per key, failed authentications per address, open sockets per key."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from api.errors import rate_limited

SOCKET_RETRY_SECONDS = 5


class RateLimit:
    """A sliding window per name, after which `429` tells how long to wait."""

    def __init__(self, rate: str, message: str) -> None:
        self._rate = parse(rate)
        self._message = message
        self._window = MovingWindowRateLimiter(MemoryStorage())

    async def count(self, name: str) -> None:
        """Count one use. Raises the 429 error once the window is full."""
        if not await self._window.hit(self._rate, name):
            reset, _ = await self._window.get_window_stats(self._rate, name)
            raise rate_limited(f"{self._message}: {self._rate}.", max(1, ceil(reset - time.time() + 0.01)))


class SocketLimit:
    """Counts the open sockets of each key, and lets those of one key be closed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()
        self._revoked: dict[str, asyncio.Event] = {}

    @contextmanager
    def open(self, owner: str) -> Iterator[asyncio.Event]:
        """Take a place for as long as the context lasts; the event is set when the key is revoked.

        Raises the 429 error while all places of the key are taken.
        """
        if self._open[owner] >= self._most:
            fact = f"This key has {self._most} open sockets, which is the most. Close one first."
            raise rate_limited(fact, SOCKET_RETRY_SECONDS)
        self._open[owner] += 1
        try:
            yield self._revoked.setdefault(owner, asyncio.Event())
        finally:
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]
                self._revoked.pop(owner, None)

    @property
    def owners(self) -> set[str]:
        """The keys that have sockets open."""
        return set(self._open)

    def close(self, owner: str) -> None:
        """Tell the sockets of a key to close."""
        if owner in self._revoked:
            self._revoked[owner].set()


class Pace:
    """A leaky bucket: a burst passes at once, and what goes on beyond it is slowed down to a rate."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._rate = per_second
        self._burst = burst
        self._filled = 0.0
        self._at = time.monotonic()

    async def spend(self, units: float) -> None:
        """Take up room, and wait for as long as there is more than the burst in the bucket."""
        now = time.monotonic()
        self._filled = max(0.0, self._filled - (now - self._at) * self._rate) + units
        self._at = now
        await asyncio.sleep(max(0.0, (self._filled - self._burst) / self._rate))
