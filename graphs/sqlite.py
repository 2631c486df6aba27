"""The SQLite file: it is read on the spot, and one thread writes it.

A read takes some microseconds from the system's memory, less than handing it to a thread, and never waits for
a writer (WAL).
"""

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, cast

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from graphs.migrate import sqlite_path
from graphs.store import Work

T = TypeVar("T")

COMMITS_TO_MOVE = 500  # some 10 MB of the write-ahead log
MOST_PAGES = 4000  # some 16 MB


class SqliteFile:
    """The database in a file of this machine, which one server writes."""

    is_shared = False
    is_near = True
    readers = 1

    def __init__(self, database_url: str) -> None:
        engine = create_engine(
            f"sqlite:///{sqlite_path(database_url)}",
            hide_parameters=True,  # answers are among them, and errors must not show them
            connect_args={"check_same_thread": False},
        )
        prepare_sqlite(engine)
        self._engine = engine
        self._reader = engine.connect()
        self._reader_apart = engine.connect()
        self._writer = engine.connect().execution_options(write=True)
        self._writer.exec_driver_sql("PRAGMA wal_autocheckpoint=0")
        self._writer.rollback()
        self._mover = sqlite3.connect(
            sqlite_path(database_url), isolation_level=None, check_same_thread=False
        )
        self._moving_thread = ThreadPoolExecutor(1, "mover")
        self._moving: Future[int] | None = None
        self._commits = 0

    def read(self, work: Work[T], *, is_apart: bool, is_long: bool) -> T:
        """What a work comes to, all of it at one instant."""
        del is_long  # a file does not go away, so nothing is given up
        connection = self._reader_apart if is_apart else self._reader
        with connection.begin():
            return work(connection)

    def commit(self, works: list[Work[Any]]) -> list[Any]:
        """What the works come to, in one transaction."""
        with self._writer.begin():
            done = [work(self._writer) for work in works]
        self._look_after_log()
        return done

    def _look_after_log(self) -> None:
        """Have another thread move what is in the log to its place in the file, which takes the disk a while.

        Writing goes on meanwhile, so the log is never empty and never begins anew. Where it has become long,
        the little that is left is therefore moved here.
        """
        self._commits += 1
        if self._moving is None and self._commits >= COMMITS_TO_MOVE:
            self._moving = self._moving_thread.submit(self._move)
        elif self._moving is not None and self._moving.done():
            if self._moving.result() > MOST_PAGES:
                self._move()
            self._moving, self._commits = None, 0

    def _move(self) -> int:
        """Move what nobody is reading just now; how many pages the log holds."""
        try:
            ((_, pages, _),) = self._mover.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error:  # a full disk, say; the log keeps it
            return 0
        return int(pages)

    def save_on(self, connection: Connection, serde: SerializerProtocol) -> SqliteSaver:
        """LangGraph's saver on a connection of the store."""
        saver = SqliteSaver(cast("sqlite3.Connection", _WithoutCommit(connection)), serde=serde)
        saver.is_setup = True
        return saver

    def close(self) -> None:
        """Close the file."""
        self._moving_thread.shutdown()
        self._mover.close()
        for connection in (self._reader, self._reader_apart, self._writer):
            connection.close()
        self._engine.dispose()


class _WithoutCommit:
    """A connection for a library that commits what it does, within a transaction that goes on."""

    def __init__(self, connection: Connection) -> None:
        self.cursor = cast("sqlite3.Connection", connection.connection.driver_connection).cursor

    def commit(self) -> None:
        """Leave it to the store."""


def prepare_sqlite(engine: Engine) -> None:
    """Make the engine's connections durable, and its transactions those that the program asks for."""
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_transaction)


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
