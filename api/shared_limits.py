"""What all servers count together, in Redis."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from contextlib import suppress
from typing import Any

from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from graphs.errors import RedisAway
from graphs.redis_server import PREFIX, RedisServer

PLACE_SECONDS = 30  # that a place is kept without a word of its server
KEEP_SECONDS = 10

# Redis's own clock, so that servers need not agree about the time.
TAKE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3] * 2)
return 1
"""
KEEP = """
local now = tonumber(redis.call('TIME')[1])
for place = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[place]) end
redis.call('EXPIRE', KEYS[1], ARGV[1] * 2)
"""


def share_window(redis: RedisServer) -> MovingWindowRateLimiter:
    """A sliding window that is kept in Redis."""
    storage = RedisStorage(
        "async+redis://",
        implementation="redispy",
        key_prefix=f"{PREFIX}:limits",
        connection_pool=redis.client.connection_pool,  # type: ignore[arg-type]  # as its documentation says
    )
    return MovingWindowRateLimiter(storage)


class Places:
    """The places of all keys' open sockets, each kept for a while unless its server renews it."""

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis
        self._take = redis.client.register_script(TAKE)
        self._keep = redis.client.register_script(KEEP)
        self._leaving: set[asyncio.Task[None]] = set()

    async def take(self, owner: str, place: str, most: int) -> bool:
        """Take one of the `most` places of a key. While Redis is away each server goes by its own count."""
        keys = [_name(owner)]
        values: list[str | int] = [place, most, PLACE_SECONDS]
        try:
            return bool(await self._redis.attempt(lambda: self._take(keys=keys, args=values)))
        except RedisAway:
            return True

    def give_back(self, owner: str, place: str) -> None:
        """Give a place back; nobody waits for that."""
        task = asyncio.create_task(self._ask(self._redis.client.zrem(_name(owner), place)))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def keep(self, places: Mapping[str, Collection[str]]) -> None:
        """Renew the places of this server, also in a Redis that has forgotten them."""
        for owner, own in list(places.items()):
            if own:
                await self._ask(self._keep(keys=[_name(owner)], args=[PLACE_SECONDS, *own]))

    async def _ask(self, question: Awaitable[Any]) -> None:
        with suppress(RedisAway):
            await self._redis.attempt(lambda: question)


def _name(owner: str) -> str:
    return f"{PREFIX}:sockets:{owner}"
