"""The PostgreSQL server under records and threads, with an end to every wait.

A server that was paused, or a network that swallows everything, ends no wait by itself, so a connection that
is busy for too long is broken off from outside.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeVar, cast

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg.rows import DictRow
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from graphs.metrics import CONNECTIONS
from graphs.store import DatabaseFailed, Work

T = TypeVar("T")

READERS = 4
LONGEST_SECONDS = 5.0  # that a transaction may take
CONNECT_SECONDS = 4
QUICK_SECONDS = 1.0  # what fails within this time may be tried again at once
SESSION = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# What a server that was paused or cut off leaves behind must not keep the others from going on.
LIMITS = "-c lock_timeout=4s -c idle_in_transaction_session_timeout=10s"


class PostgresServer:
    """The database that any number of servers share."""

    is_shared = True
    is_near = False
    readers = READERS

    def __init__(self, database_url: str) -> None:
        self._engine = create_engine(
            database_url,
            hide_parameters=True,  # answers are among them, and errors must not show them
            pool_size=READERS + 1,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            connect_args=SESSION | {"options": LIMITS},
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._watch = Watch()
        self._is_away = False
        self._probing = threading.Lock()

    def read(self, work: Work[T], *, is_apart: bool, is_long: bool) -> T:
        """What a work comes to; each of its statements sees what was committed before it began."""
        del is_apart  # every thread takes a connection of the pool

        def read() -> T:
            with self._connect(self._reading) as connection, self._watched(connection, is_long=is_long):
                return work(connection)

        return self._attempt(read)

    def commit(self, works: list[Work[Any]]) -> list[Any]:
        """What the works come to, in one transaction."""

        def commit() -> list[Any]:
            with self._connect(self._engine) as connection, self._watched(connection), connection.begin():
                return [work(connection) for work in works]

        return self._attempt(commit)

    def save_on(self, connection: Connection, serde: SerializerProtocol) -> PostgresSaver:
        """LangGraph's saver on a connection of the store."""
        return PostgresSaver(_raw(connection), serde=serde)

    def close(self) -> None:
        """Give back the connections."""
        self._watch.close()
        self._engine.dispose()

    def _attempt(self, act: Callable[[], T]) -> T:
        """Do it, or fail at once while another thread finds out whether the database is back."""
        if not self._is_away:
            return self._insist(act)
        if not self._probing.acquire(blocking=False):
            raise DatabaseFailed("the database is away", is_away=True)
        try:
            return self._insist(act)
        finally:
            self._probing.release()

    def _insist(self, act: Callable[[], T]) -> T:
        """Do it, if need be twice: a database that was started again has forgotten its connections."""
        began = time.monotonic()
        try:
            try:
                done = act()
            except DatabaseFailed as error:
                if not error.is_away or time.monotonic() - began > QUICK_SECONDS:
                    raise
                done = act()
        except DatabaseFailed as error:
            self._is_away = error.is_away
            raise
        self._is_away = False
        return done

    @contextmanager
    def _connect(self, engine: Engine) -> Iterator[Connection]:
        try:
            connection = engine.connect()
        except (DBAPIError, PoolTimeout) as error:
            raise DatabaseFailed(type(error).__name__, is_away=True) from None
        with CONNECTIONS.track_inprogress(), connection:
            yield connection

    @contextmanager
    def _watched(self, connection: Connection, *, is_long: bool = False) -> Iterator[None]:
        """Break the connection off when it is busy for too long, and tell whether it broke."""
        raw = _raw(connection)
        try:
            with nullcontext() if is_long else self._watch.over(raw):
                yield
        except (DBAPIError, psycopg.Error) as error:
            if raw.closed:
                connection.invalidate()
            raise DatabaseFailed(_describe(error), is_away=raw.closed) from None


class Watch:
    """Breaks off what takes too long."""

    def __init__(self) -> None:
        self._busy: dict[int, tuple[psycopg.Connection[Any], float]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="watch", daemon=True)
        self._thread.start()

    @contextmanager
    def over(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        """Watch a connection while the context lasts."""
        self._busy[id(connection)] = (connection, time.monotonic() + LONGEST_SECONDS)
        try:
            yield
        finally:
            del self._busy[id(connection)]

    def close(self) -> None:
        """Watch no more."""
        self._over.set()
        self._thread.join()

    def _look_after(self) -> None:
        while not self._over.wait(0.5):
            for connection, until in tuple(self._busy.values()):
                if time.monotonic() > until:
                    break_off(connection)


def break_off(connection: psycopg.Connection[Any]) -> None:
    """Have whoever waits for a connection find it broken."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
        wire.shutdown(socket.SHUT_RDWR)


def plain_url(database_url: str) -> str:
    """The address without the name of the driver, as the driver itself wants it."""
    return database_url.replace("postgresql+psycopg://", "postgresql://", 1)


def _raw(connection: Connection) -> psycopg.Connection[DictRow]:
    return cast("psycopg.Connection[DictRow]", connection.connection.driver_connection)


def _describe(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    words = "no space left on device" if isinstance(cause, psycopg.errors.DiskFull) else ""
    return words or type(cause).__name__
