"""Redis, as far as it is there: what servers tell each other and count together, none of which must last."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from prometheus_client import Gauge
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from graphs.errors import RedisAway

T = TypeVar("T")

ANSWER_SECONDS = 0.5  # longer than this nobody waits for Redis
TRY_AGAIN_SECONDS = 1.0
PREFIX = "interviewer"
UP = Gauge("interviewer_redis_up", "1 while Redis answers, else 0; missing where none is set.")

log = structlog.get_logger()


class RedisServer:
    """The connections to Redis. While it is away one request a second tries it, and no other waits for it."""

    def __init__(self, url: str) -> None:
        self.client: Redis = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            # Once more over a new connection: Redis may have been started again.
            retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
        )
        self.is_away = False
        self._again_at = 0.0
        UP.set(1)

    async def attempt(self, act: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis for something. Raises `RedisAway`."""
        now = time.monotonic()
        if self.is_away:
            if now < self._again_at:
                raise RedisAway
            self._again_at = now + TRY_AGAIN_SECONDS
        try:
            done = await act()
        except (RedisError, OSError) as error:
            self._note(is_away=True, fact=type(error).__name__)
            raise RedisAway from None
        self._note(is_away=False)
        return done

    async def check(self) -> bool:
        """Whether Redis answers."""
        try:
            await self.attempt(self.client.ping)
        except RedisAway:
            return False
        return True

    async def close(self) -> None:
        """Give back the connections."""
        await self.client.aclose()

    def _note(self, *, is_away: bool, fact: str = "") -> None:
        if is_away:
            self._again_at = time.monotonic() + TRY_AGAIN_SECONDS
        if is_away != self.is_away:
            self.is_away = is_away
            UP.set(not is_away)
            log.warning("redis_away", fact=fact) if is_away else log.info("redis_back")
