"""The locks of all servers on one database."""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psycopg
import structlog

from graphs.batches import Batches
from graphs.errors import StoreFailed
from graphs.postgres import QUICK_SECONDS, SESSION, Watch, plain_url

BEAT_SECONDS = 2.5
# A server that was paused, or whose machine is gone, says nothing: its session ends, and with it its locks.
SILENT_SECONDS = 10
LONGEST_WAIT_SECONDS = 60.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.005, 0.1
# One statement instead of a pipeline, after which PostgreSQL would not end a session that is silent.
DEAL = """
SELECT pg_advisory_unlock(k) FROM unnest(%s::bigint[]) k
UNION ALL SELECT pg_try_advisory_lock(k) FROM unnest(%s::bigint[]) k
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Request:
    """A lock to take, to give back, or, with neither, a sign of life."""

    key: int = 0
    takes: bool = False
    gives_back: bool = False


class SharedLocks:
    """PostgreSQL's advisory locks, in one session of this server.

    They end with the session, so the death of their holder frees them. A holder that lost its session, for it
    was paused, say, may still be at work; what it records then is refused by the records themselves.
    """

    def __init__(self, database_url: str) -> None:
        self._url = plain_url(database_url)
        self._session: psycopg.Connection[tuple[bool]] | None = None
        self._held: set[int] = set()
        self._requests: Batches[Request, bool] = Batches("locks", self._deal_with)
        self._watch = Watch()
        self._beating = asyncio.create_task(self._beat())

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait for a lock and hold it. Raises `StoreFailed`."""
        key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
        try:
            await self._take(key)
            yield
        finally:
            # Nobody waits for it to be given back; if it is not, the session has ended and so has the lock.
            self._requests.add(Request(key, gives_back=True)).add_done_callback(_ignore_failure)

    async def close(self) -> None:
        """Give up the session."""
        self._beating.cancel()
        with suppress(asyncio.CancelledError):
            await self._beating
        await self._requests.close()
        self._watch.close()
        self._end_session()

    async def _take(self, key: int) -> None:
        until, pause = time.monotonic() + LONGEST_WAIT_SECONDS, FIRST_PAUSE_SECONDS
        try:
            while not await self._requests.add(Request(key, takes=True)):
                if time.monotonic() > until:
                    raise StoreFailed("Another server is still at work on this. Send the same again.")
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - only spreads the load
                pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        except psycopg.Error:
            raise StoreFailed("The database did not answer. Send the same again in a moment.") from None

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with suppress(psycopg.Error):  # whoever needs the session next is told
                await self._requests.add(Request())

    def _deal_with(self, requests: list[Request]) -> list[bool | Exception]:
        """Ask at once, or, where the session was found ended, over a new one."""
        began = time.monotonic()
        while True:
            had_session = self._session is not None
            try:
                return self._ask(requests)
            except psycopg.Error as error:
                self._end_session()
                if not had_session or time.monotonic() - began > QUICK_SECONDS:
                    return [error] * len(requests)

    def _ask(self, requests: list[Request]) -> list[bool | Exception]:
        """Give back first, then take: one round trip for all."""
        session = self._session or self._open_session()
        returned = [request.key for request in requests if request.gives_back and request.key in self._held]
        wanted = [request.key for request in requests if request.takes]
        with self._watch.over(session):
            rows = session.execute(DEAL, [returned, wanted]).fetchall()
        outcomes = dict(zip(wanted, (row[0] for row in rows[len(returned) :]), strict=True))
        self._held.difference_update(returned)
        self._held.update(key for key, is_taken in outcomes.items() if is_taken)
        return [outcomes.get(request.key, True) if request.takes else True for request in requests]

    def _open_session(self) -> psycopg.Connection[tuple[bool]]:
        """A new session, with what the old one held as far as nobody else has taken it."""
        limits = f"-c idle_session_timeout={SILENT_SECONDS}s"
        session: psycopg.Connection[tuple[bool]] = psycopg.Connection.connect(
            psycopg.conninfo.make_conninfo(self._url, options=limits, **SESSION), autocommit=True
        )
        self._session = session
        kept = sorted(self._held)
        rows = session.execute("SELECT pg_try_advisory_lock(k) FROM unnest(%s::bigint[]) k", [kept])
        self._held = {key for key, row in zip(kept, rows, strict=True) if row[0]}
        if kept:
            log.warning("locks_taken_anew", held=len(kept), kept=len(self._held))
        return session

    def _end_session(self) -> None:
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session.close()
            self._session = None


def _ignore_failure(done: "asyncio.Future[bool]") -> None:
    if not done.cancelled():
        done.exception()
