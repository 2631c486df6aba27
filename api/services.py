"""What one server process is made of, composed in one place."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from agent.engines import load_engine
from agent.settings import Settings
from api.auth import Authenticator
from api.limits import RateLimit, SocketLimit
from graphs.coordination import Locks, reserve_file
from graphs.interviewer import Interviewer
from graphs.migrate import expect_upgraded, is_sqlite, sqlite_path
from graphs.records import Records
from graphs.state import Context
from graphs.tasks import end_tasks

if TYPE_CHECKING:
    from graphs.redis_server import RedisServer

REVOCATION_SECONDS = 1
PLACES_SECONDS = 10
TIDY_SECONDS = 60
SHUTDOWN_SECONDS = 30

log = structlog.get_logger()


class Shutdown:
    """Tells everyone in the process that it stops, and how long they have."""

    def __init__(self) -> None:
        self.has_begun = False
        self._until = 0.0
        self._told: set[Callable[[], None]] = set()

    def begin(self) -> None:
        """From now on nothing new begins; what has begun has `SHUTDOWN_SECONDS`."""
        self._until = time.monotonic() + SHUTDOWN_SECONDS
        self.has_begun = True
        for act in tuple(self._told):
            act()

    @contextmanager
    def told_to(self, act: Callable[[], None]) -> Iterator[None]:
        """Have something done when it begins, while the context lasts."""
        self._told.add(act)
        try:
            yield
        finally:
            self._told.discard(act)

    @property
    def seconds_left(self) -> float:
        """What is left of the time, at least a moment."""
        return max(1.0, self._until - time.monotonic()) if self.has_begun else SHUTDOWN_SECONDS


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that requests are served with."""

    settings: Settings
    records: Records
    interviewer: Interviewer
    authenticator: Authenticator
    requests: RateLimit
    sockets: SocketLimit
    locks: Locks
    shutdown: Shutdown
    redis: "RedisServer | None" = None


@asynccontextmanager
async def open_services(settings: Settings, *, reads_apart: bool = False) -> AsyncIterator[Services]:
    """The services on a database that is as this program needs it, until the context ends.

    `reads_apart` keeps every wait for the database out of the event loop. Raises `StoreRefused` if the
    database cannot be used.
    """
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(_take_database, stack, settings.database_url)
        engine = await asyncio.to_thread(load_engine, settings.model)  # too slow for the first request
        stack.push_async_callback(engine.close)
        records = await asyncio.to_thread(Records, settings.database_url, reads_apart=reads_apart)
        stack.push_async_callback(records.close)
        locks = _open_locks(stack, settings, records)
        interviewer = Interviewer(records, Context(model=settings.model), locks)
        redis = _open_redis(stack, settings, interviewer)
        services = Services(
            settings=settings,
            records=records,
            interviewer=interviewer,
            authenticator=Authenticator(records, settings, redis),
            requests=RateLimit(settings.rate_limit, "requests", redis),
            sockets=SocketLimit(settings.ws_connections, redis),
            locks=locks,
            shutdown=Shutdown(),
            redis=redis,
        )
        stack.push_async_callback(_drain, services)
        for seconds, work in (
            (REVOCATION_SECONDS, _close_revoked),
            (PLACES_SECONDS, _keep_places),
            (TIDY_SECONDS, _tidy),
        ):
            stack.push_async_callback(end_tasks, [asyncio.create_task(_repeat(work, services, seconds))])
        yield services


def _take_database(stack: AsyncExitStack, database_url: str) -> None:
    if is_sqlite(database_url):
        stack.enter_context(reserve_file(sqlite_path(database_url)))
    expect_upgraded(database_url)


def _open_locks(stack: AsyncExitStack, settings: Settings, records: Records) -> Locks:
    """Locks of this process; on a database that servers share, of all of them."""
    if not records.store.is_shared:
        return Locks()
    from graphs.shared_locks import SharedLocks  # noqa: PLC0415 - one server alone needs no PostgreSQL

    shared = SharedLocks(settings.database_url)
    stack.push_async_callback(shared.close)
    return Locks(shared)


def _open_redis(stack: AsyncExitStack, settings: Settings, interviewer: Interviewer) -> "RedisServer | None":
    """Redis, if it is set, with the interviewer's events going over it."""
    if settings.redis_url is None:
        return None
    from graphs.redis_server import RedisServer  # noqa: PLC0415 - as above
    from graphs.relay import RedisRelay  # noqa: PLC0415

    redis = RedisServer(settings.redis_url.get_secret_value())
    stack.push_async_callback(redis.close)
    relay = RedisRelay(redis, interviewer.events)
    stack.push_async_callback(relay.close)
    interviewer.events.relay = relay
    return redis


async def _repeat(
    work: Callable[[Services], Coroutine[Any, Any, None]], services: Services, seconds: float
) -> None:
    """Do a work again and again; whatever fails now is done next time."""
    while True:
        try:
            await work(services)
        except Exception:
            log.exception("chore_failed", chore=work.__name__.lstrip("_"))
        await asyncio.sleep(seconds)


async def _close_revoked(services: Services) -> None:
    for owner in await services.authenticator.find_revoked(services.sockets.owners):
        services.sockets.close(owner)


async def _keep_places(services: Services) -> None:
    await services.sockets.keep_places()


async def _tidy(services: Services) -> None:
    await services.interviewer.tidy()
    kept = timedelta(hours=services.settings.idempotency_hours)
    await services.records.forget_responses(datetime.now(UTC) - kept)


async def _drain(services: Services) -> None:
    await services.interviewer.drain(services.shutdown.seconds_left)
