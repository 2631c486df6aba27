"""The SQLite file under records and threads: it is read on the spot, and one thread writes it.

A read takes some microseconds from the system's memory, less than handing it to a thread, and never waits for
a writer (WAL). What is to be written while a commit is on its way to the disk is collected and goes with the
next one, so that many interviews share one wait for the disk.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from graphs.errors import StoreFailed
from graphs.migrate import sqlite_path

T = TypeVar("T")
Work = Callable[[Connection], T]
Waiting = tuple[Work[Any], "asyncio.Future[Any]"]


class Store:
    """The database of this process. What a `write` returns from is on disk.

    A work is a function of a connection. It may be done again from the start, in a transaction of its own.
    Where nothing may block the event loop, as in LangGraph's development server, `reads_apart` has another
    thread read.
    """

    def __init__(self, database_url: str, *, reads_apart: bool = False) -> None:
        self.path = sqlite_path(database_url)
        engine = create_engine(
            f"sqlite:///{self.path}",
            hide_parameters=True,  # answers are among them, and errors must not show them
            connect_args={"check_same_thread": False},
        )
        prepare_sqlite(engine)
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "writer")
        self._reads_apart = reads_apart
        self._reading_thread = ThreadPoolExecutor(1, "reader")
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._unwatched: set[asyncio.Task[None]] = set()
        with failures_of_the_store():
            self._reader = engine.connect()
            self._reader_apart = engine.connect()
            self._writer = engine.connect().execution_options(write=True)

    async def read(self, work: Work[T], *, is_long: bool = False) -> T:
        """What a work comes to that only reads, all of it at one instant. Raises `StoreFailed`.

        One that is long, since it walks a table, is done in another thread.
        """
        with failures_of_the_store():
            if not (is_long or self._reads_apart):
                return _read(self._reader, work)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._reading_thread, _read, self._reader_apart, work)

    async def write(self, work: Work[T]) -> T:
        """What a work comes to, once it is on disk. Raises `StoreFailed`."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_what_waits())
        with failures_of_the_store():
            return await done

    def write_later(self, work: Work[object], note_failure: Callable[[StoreFailed], None]) -> None:
        """Have a work done that nobody waits for, in its turn among the writes; a failure is noted."""

        async def write() -> None:
            try:
                await self.write(work)
            except StoreFailed as error:
                note_failure(error)

        task = asyncio.create_task(write())
        self._unwatched.add(task)
        task.add_done_callback(self._unwatched.discard)

    async def settle(self) -> None:
        """Wait until what was to be written so far is written, or has failed."""
        if self._unwatched:
            await asyncio.wait(self._unwatched)

    async def close(self) -> None:
        """Write what waits, and give back the connections."""
        await self.settle()
        if self._writing is not None:
            await self._writing
        self._thread.shutdown()
        self._reading_thread.shutdown()
        self._reader.close()
        self._reader_apart.close()
        self._writer.close()
        self._engine.dispose()

    async def _write_what_waits(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            works = [work for work, _ in batch]
            outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, works)
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if done.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    done.set_exception(outcome)
                else:
                    done.set_result(outcome)
        self._writing = None

    def _commit(self, works: list[Work[Any]]) -> list[Any]:
        """What each work comes to or fails with; together in one transaction unless one of them fails."""
        try:
            with self._writer.begin():
                return [work(self._writer) for work in works]
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            return [error] if len(works) == 1 else [self._commit([work])[0] for work in works]


def _read(connection: Connection, work: Work[T]) -> T:
    with connection.begin():
        return work(connection)


def raw_connection(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection, for libraries that bring their own queries."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


@contextmanager
def failures_of_the_store() -> Iterator[None]:
    """Turn what the database's drivers raise into `StoreFailed`, with a sentence and no internals."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        raise StoreFailed(_describe_failure(error)) from error


def prepare_sqlite(engine: Engine) -> None:
    """Make the engine's connections durable, and its transactions those that the program asks for."""
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_transaction)


def _describe_failure(error: Exception) -> str:
    text = str(error).lower()
    if "disk is full" in text or "disk i/o" in text:
        return "The server's disk is full. Free some space there, then send the same again."
    return "The database did not answer. Send the same again in a moment."


def _set_pragmas(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where _begin_transaction says
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_transaction(connection: Connection) -> None:
    # A writer asks for the write lock at once: one that upgrades later can fail without having waited.
    writes = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
