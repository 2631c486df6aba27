"""Rate limits: requests per key, failed authentications per address, open sockets per key."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from math import ceil
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from api.errors import ApiError, rate_limited
from api.metrics import LIMITS_HIT, OPEN_SOCKETS
from graphs.errors import RedisAway

if TYPE_CHECKING:
    from graphs.redis_server import RedisServer

SOCKET_RETRY_SECONDS = 5


Kind = Literal["requests", "authentication"]
MESSAGES: dict[Kind, str] = {
    "requests": "Too many requests for this key",
    "authentication": "Too many failed authentications",
}


class Windows(MemoryStorage):
    """The uses of late, in memory; those of the past are dropped once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._swept_at = 0.0

    async def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 - the library's own name
        """The library would look at each use, and in a thread, which takes longer than the use."""
        now = time.monotonic()
        if now - self._swept_at >= 1:
            self._swept_at = now
            await super()._MemoryStorage__schedule_expiry()  # type: ignore[misc]


class RateLimit:
    """A sliding window per name, after which `429` tells how long to wait.

    With Redis it counts over all servers; while Redis is away, each server counts by itself.
    """

    def __init__(self, rate: str, kind: Kind, redis: "RedisServer | None" = None) -> None:
        self._rate = parse(rate)
        self._kind = kind
        self._window = MovingWindowRateLimiter(Windows())
        self._redis = redis
        if redis is not None:
            from api.shared_limits import share_window  # noqa: PLC0415 - one server alone needs no Redis

            self._shared_window = share_window(redis)

    async def count(self, name: str) -> None:
        """Count one use. Raises the 429 error once the window is full."""
        wait = await self._count(name)
        if wait is not None:
            LIMITS_HIT.labels(self._kind).inc()
            raise rate_limited(f"{MESSAGES[self._kind]}: {self._rate}.", max(1, ceil(wait + 0.01)))

    async def _count(self, name: str) -> float | None:
        if self._redis is not None:
            with suppress(RedisAway):
                return await self._redis.attempt(lambda: self._use(self._shared_window, name))
        return await self._use(self._window, name)

    async def _use(self, window: MovingWindowRateLimiter, name: str) -> float | None:
        """Take a place in the window; if it is full, in how many seconds there will be one."""
        if await window.hit(self._rate, self._kind, name):
            return None
        reset, _ = await window.get_window_stats(self._rate, self._kind, name)
        return reset - time.time()


class SocketLimit:
    """Counts the open sockets of each key, and lets those of one key be closed.

    With Redis it counts over all servers. A place there has to be kept: what a dead server held runs out.
    """

    def __init__(self, most: int, redis: "RedisServer | None" = None) -> None:
        self._most = most
        self._places = None
        if redis is not None:
            from api.shared_limits import Places  # noqa: PLC0415 - as above

            self._places = Places(redis)
        self._open: defaultdict[str, dict[str, Callable[[], None]]] = defaultdict(dict)

    @asynccontextmanager
    async def open(self, owner: str, revoked: Callable[[], None]) -> AsyncIterator[None]:
        """Take a place for as long as the context lasts; `revoked` is called when the key is.

        Raises the 429 error while all places of the key are taken.
        """
        if len(self._open[owner]) >= self._most:
            raise self._refuse()
        place = uuid4().hex
        self._open[owner][place] = revoked
        try:
            if self._places and not await self._places.take(owner, place, self._most):
                raise self._refuse()
            with OPEN_SOCKETS.track_inprogress():
                yield
        finally:
            del self._open[owner][place]
            if not self._open[owner]:
                del self._open[owner]
            if self._places:
                self._places.give_back(owner, place)

    async def keep_places(self) -> None:
        """Keep the places of this server's sockets among those of all, for a while."""
        if self._places:
            await self._places.keep(self._open)

    @property
    def owners(self) -> set[str]:
        """The keys that have sockets open."""
        return set(self._open)

    def close(self, owner: str) -> None:
        """Tell the sockets of a key to close."""
        for revoked in tuple(self._open.get(owner, {}).values()):
            revoked()

    def _refuse(self) -> ApiError:
        LIMITS_HIT.labels("sockets").inc()
        fact = f"This key has {self._most} open sockets, which is the most. Close one first."
        return rate_limited(fact, SOCKET_RETRY_SECONDS)


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
