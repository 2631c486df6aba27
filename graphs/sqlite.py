"""The SQLite file: it is read on the spot, and one thread writes it.

A read takes some microseconds from the system's memory, less than handing it to a thread, and never waits for
a writer (WAL).
"""

import sqlite3
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

    def read(self, work: Work[T], *, is_apart: bool, is_long: bool) -> T:
        """What a work comes to, all of it at one instant."""
        del is_long  # a file does not go away, so nothing is given up
        connection = self._reader_apart if is_apart else self._reader
        with connection.begin():
            return work(connection)

    def commit(self, works: list[Work[Any]]) -> list[Any]:
        """What the works come to, in one transaction."""
        with self._writer.begin():
            return [work(self._writer) for work in works]

    def save_on(self, connection: Connection, serde: SerializerProtocol) -> SqliteSaver:
        """LangGraph's saver on a connection of the store."""
        saver = SqliteSaver(cast("sqlite3.Connection", _WithoutCommit(connection)), serde=serde)
        saver.is_setup = True
        return saver

    def close(self) -> None:
        """Close the file."""
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
