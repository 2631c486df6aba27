"""The store under records and threads: works on the database, done in its order and on disk when told.

What is to be written while a commit is on its way to the disk goes with the next one, so that many interviews
share one wait for the disk.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from agent.telemetry import Span, span
from graphs.batches import Batches
from graphs.errors import StoreFailed
from graphs.metrics import READ_SECONDS, STORE_WAITING, WRITE_SECONDS
from graphs.migrate import is_sqlite

T = TypeVar("T")
Work = Callable[[Connection], T]


class DatabaseFailed(Exception):
    """The database did not do what it was asked for; `is_away` tells that it would do nothing else either."""

    def __init__(self, fact: str, *, is_away: bool) -> None:
        super().__init__(fact)
        self.is_away = is_away


class Database(Protocol):
    """What a store stands on: `graphs.sqlite` or `graphs.postgres`.

    One thread commits. Reads come from the event loop's, where they are near, and from as many others as
    `readers` says.
    """

    is_shared: bool  # whether other servers write the same interviews
    is_near: bool  # whether a read takes less time than handing it to a thread
    readers: int  # threads that may read at once

    def read(self, work: Work[T], *, is_apart: bool, is_long: bool) -> T:
        """What a work comes to, read in the event loop's thread or apart from it."""

    def commit(self, works: list[Work[Any]]) -> list[Any]:
        """What the works come to, all of them in one transaction. Raises what any of them raises."""

    def save_on(self, connection: Connection, serde: SerializerProtocol) -> BaseCheckpointSaver[str]:
        """LangGraph's saver on a connection that a work was given."""

    def close(self) -> None:
        """Give back the connections."""


class Store:
    """The database as this process uses it. What a `write` returns from is on disk.

    A work is a function of a connection. It may be done again from the start, in a transaction of its own.
    Where nothing may block the event loop, as in LangGraph's development server, `reads_apart` has another
    thread read.
    """

    def __init__(self, database_url: str, *, reads_apart: bool = False) -> None:
        with failures_of_the_store():
            self._database = _open(database_url)
        self.is_shared = self._database.is_shared
        self.save_on = self._database.save_on
        self._system = "postgresql" if self.is_shared else "sqlite"
        self._reads_apart = reads_apart or not self._database.is_near
        self._writes: Batches[Work[Any], Any] = Batches("writer", self._commit)
        self._reading_threads = ThreadPoolExecutor(self._database.readers, "reader")
        self._unwatched: set[asyncio.Task[None]] = set()

    async def read(self, work: Work[T], *, is_long: bool = False) -> T:
        """What a work comes to that only reads. Raises `StoreFailed`.

        One that is long, since it walks a table, is done in another thread.
        """
        with READ_SECONDS.time(), self._span("store read", work), failures_of_the_store():
            if not (is_long or self._reads_apart):
                return self._database.read(work, is_apart=False, is_long=False)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._reading_threads, self._read_apart, work, is_long)

    async def write(self, work: Work[T]) -> T:
        """What a work comes to, once it is on disk. Raises `StoreFailed`."""
        with (
            WRITE_SECONDS.time(),
            STORE_WAITING.track_inprogress(),
            self._span("store write", work),
            failures_of_the_store(),
        ):
            done: T = await self._writes.add(work)
            return done

    def write_later(
        self, work: Work[object], note_failure: Callable[[StoreFailed], None]
    ) -> asyncio.Task[None]:
        """Have a work done that nobody waits for, in its turn among the writes; a failure is noted."""

        async def write() -> None:
            try:
                await self.write(work)
            except StoreFailed as error:
                note_failure(error)

        task = asyncio.create_task(write())
        self._unwatched.add(task)
        task.add_done_callback(self._unwatched.discard)
        return task

    async def settle(self) -> None:
        """Wait until what was to be written so far is written, or has failed."""
        if self._unwatched:
            await asyncio.wait(self._unwatched)

    async def close(self) -> None:
        """Write what waits, and give back the connections."""
        await self.settle()
        await self._writes.close()
        self._reading_threads.shutdown()
        self._database.close()

    def _span(self, name: str, work: Work[object]) -> AbstractContextManager[Span]:
        """A span that names the function, whose statements stand together in one transaction."""
        return span(name, {"db.system.name": self._system, "code.function.name": work.__qualname__})

    def _read_apart(self, work: Work[T], is_long: bool) -> T:
        return self._database.read(work, is_apart=True, is_long=is_long)

    def _commit(self, works: list[Work[Any]]) -> list[Any]:
        """What each work comes to or fails with; together in one transaction unless one of them fails."""
        try:
            return self._database.commit(works)
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            if len(works) == 1 or (isinstance(error, DatabaseFailed) and error.is_away):
                return [error] * len(works)
            return [self._commit([work])[0] for work in works]


@contextmanager
def failures_of_the_store() -> Iterator[None]:
    """Turn what the database's drivers raise into `StoreFailed`, with a sentence and no internals."""
    try:
        yield
    except (DatabaseFailed, DBAPIError, sqlite3.Error, OSError) as error:
        raise StoreFailed(_describe_failure(error)) from error


def _open(database_url: str) -> Database:
    if is_sqlite(database_url):
        from graphs.sqlite import SqliteFile  # noqa: PLC0415 - each needs a driver that the other does not

        return SqliteFile(database_url)
    from graphs.postgres import PostgresServer  # noqa: PLC0415

    return PostgresServer(database_url)


def _describe_failure(error: Exception) -> str:
    text = str(error).lower()
    if "disk is full" in text or "disk i/o" in text or "no space left" in text:
        return "The server's disk is full. Free some space there, then send the same again."
    return "The database did not answer. Send the same again in a moment."
