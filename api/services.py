"""What one server process is made of, composed in one place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from agent.engines import load_engine
from agent.settings import Settings
from api.auth import Authenticator
from api.limits import RateLimit, SocketLimit
from graphs.checkpoints import Checkpoints, create_tables
from graphs.coordination import Locks, reserve_file
from graphs.interviewer import Interviewer
from graphs.migrate import sqlite_path, upgrade_database
from graphs.records import Records
from graphs.state import Context

REVOCATION_SECONDS = 1
TIDY_SECONDS = 60
DRAIN_SECONDS = 30

log = structlog.get_logger()


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


@asynccontextmanager
async def open_services(settings: Settings, *, reads_apart: bool = False) -> AsyncIterator[Services]:
    """The services on a database that is brought up to date, until the context ends.

    `reads_apart` keeps every wait for the database out of the event loop. Raises `StoreRefused` if the
    database cannot be used.
    """
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, reserve_file(sqlite_path(settings.database_url)))
        await asyncio.to_thread(upgrade_database, settings.database_url)
        engine = await asyncio.to_thread(load_engine, settings.model)  # too slow for the first request
        stack.push_async_callback(engine.close)
        records = await asyncio.to_thread(Records, settings.database_url, reads_apart=reads_apart)
        stack.push_async_callback(records.close)
        await asyncio.to_thread(create_tables, records.store)
        interviewer = Interviewer(records, Checkpoints(records.store), Context(model=settings.model))
        services = Services(
            settings=settings,
            records=records,
            interviewer=interviewer,
            authenticator=Authenticator(records, settings),
            requests=RateLimit(settings.rate_limit, "Too many requests for this key"),
            sockets=SocketLimit(settings.ws_connections),
            locks=Locks(),
        )
        stack.push_async_callback(interviewer.drain, DRAIN_SECONDS)
        for work in (_close_revoked(services), _tidy(services)):
            stack.push_async_callback(_cancel, asyncio.create_task(work))
        yield services


async def _close_revoked(services: Services) -> None:
    while True:
        await asyncio.sleep(REVOCATION_SECONDS)
        try:
            for owner in await services.authenticator.find_revoked(services.sockets.owners):
                services.sockets.close(owner)
        except Exception:  # whatever fails now is looked at again, or a revoked key would keep its sockets
            log.exception("revocations_not_read")


async def _tidy(services: Services) -> None:
    while True:
        try:
            await services.interviewer.tidy()
            kept = timedelta(hours=services.settings.idempotency_hours)
            await services.records.forget_responses(datetime.now(UTC) - kept)
        except Exception:  # whatever fails now is tidied next time
            log.exception("tidying_failed")
        await asyncio.sleep(TIDY_SECONDS)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
