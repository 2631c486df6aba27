"""Bringing a database to the version this program works with, and refusing one it cannot work with."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from graphs.errors import StoreRefused

HEAD = "0002"
MIGRATIONS = Path(__file__).parent / "migrations"
UPGRADE = "interviewer db upgrade"
UPGRADE_LOCK = 0x1_7E4B_0001  # any number that nobody else takes


def is_sqlite(database_url: str) -> bool:
    """Whether the database is a file, or else a PostgreSQL server. Raises `StoreRefused` if it is neither."""
    return _parse(database_url).drivername == "sqlite+aiosqlite"


def sqlite_path(database_url: str) -> Path:
    """The file of an SQLite database URL. Raises `StoreRefused` if the URL names no such file."""
    url = _parse(database_url)
    if url.drivername != "sqlite+aiosqlite" or not url.database:
        raise StoreRefused(_expectation(url.render_as_string()))
    return Path(url.database)


def upgrade_database(database_url: str) -> None:
    """Create or upgrade the database's tables and those of the checkpoints, keeping what they hold.

    Raises `StoreRefused` if the database is unreadable, of another program, or of a newer version.
    """
    if is_sqlite(database_url):
        _upgrade_file(sqlite_path(database_url))
    else:
        _upgrade_server(database_url)


def expect_upgraded(database_url: str) -> None:
    """Make sure that a database server is as this program needs it; a file is upgraded on the spot.

    Raises `StoreRefused` with the command to run.
    """
    if is_sqlite(database_url):
        upgrade_database(database_url)
        return
    with _connected(database_url) as connection:
        version, checkpoints = _read_server_version(connection, database_url)
    _refuse_newer(describe_database(database_url), version)
    if version != HEAD or checkpoints < _checkpoint_version():
        found = f"its tables: {version}" if version else "it has no tables"
        raise StoreRefused(
            f"{describe_database(database_url)} is not of this program's version ({found}, this program's: "
            f"{HEAD}). Run `{UPGRADE}`; servers of the version before go on working meanwhile"
        )


def _upgrade_file(path: Path) -> None:
    from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - each kind loads its own driver

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _read_version(path) != HEAD:
            _run_alembic(f"sqlite:///{path}")
        with closing(sqlite3.connect(path)) as connection:
            SqliteSaver(connection).setup()
    except (sqlite3.Error, DBAPIError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        raise StoreRefused(
            f"cannot use {path} as the database ({reason}). Give INTERVIEWER_DATABASE_URL a file that this "
            "user may write, on a disk with room, or move this one away"
        ) from None


def _upgrade_server(database_url: str) -> None:
    """One upgrade at a time, each migration in a transaction of its own."""
    import psycopg  # noqa: PLC0415
    from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415

    with _connected(database_url) as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({UPGRADE_LOCK})")
        version, _ = _read_server_version(connection, database_url)
        _refuse_newer(describe_database(database_url), version)
        if version != HEAD:
            _run_alembic(database_url)
        plain = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        with psycopg.Connection.connect(plain, autocommit=True, row_factory=dict_row) as raw:
            PostgresSaver(raw).setup()


def _checkpoint_version() -> int:
    from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415

    return len(PostgresSaver.MIGRATIONS) - 1


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    """A connection to a database server, outside of transactions."""
    from sqlalchemy import create_engine  # noqa: PLC0415

    engine = create_engine(
        database_url, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args={"connect_timeout": 10}
    )
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise StoreRefused(
            f"cannot use {describe_database(database_url)} as the database ({reason})"
        ) from None
    finally:
        engine.dispose()


def _read_server_version(connection: Connection, database_url: str) -> tuple[str | None, int]:
    """The version of the tables, and that of the checkpoints'."""
    rows = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    tables = {name for (name,) in rows}
    version = _read_first(connection, "SELECT version_num FROM alembic_version", tables)
    checkpoints = _read_first(connection, "SELECT max(v) FROM checkpoint_migrations", tables)
    if version is None and "interviews" in tables:
        raise StoreRefused(
            f"{describe_database(database_url)} is the database of another program. Use another one"
        )
    return (str(version) if version is not None else None, -1 if checkpoints is None else int(checkpoints))


def _read_first(connection: Connection, query: str, tables: set[str]) -> str | None:
    if query.rpartition(" ")[2] not in tables:
        return None
    row = connection.exec_driver_sql(query).first()
    return row[0] if row else None


def _read_version(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        tables = {name for (name,) in rows}
        if "alembic_version" not in tables:
            _expect_empty(path, tables)
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if row is None:
            _expect_empty(path, tables - {"alembic_version"})
            return None
        version = str(row[0])
        if "interviews" not in tables:
            _expect_empty(path, tables)
        _refuse_newer(str(path), version)
        return version


def _expect_empty(path: Path, tables: set[str]) -> None:
    if tables:
        raise StoreRefused(
            f"{path} is the database of another program. Give INTERVIEWER_DATABASE_URL another file"
        )


def _refuse_newer(shown: str, version: str | None) -> None:
    if version is not None and version > HEAD:
        raise StoreRefused(
            f"{shown} was written by a newer version (its tables: {version}, this program's: {HEAD}). "
            "Start the newer version, or use another database"
        )


def _run_alembic(url: str) -> None:
    from alembic import command  # noqa: PLC0415 - a database at head, the usual case, never needs it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, "head")


def _parse(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise StoreRefused(_expectation("something else")) from None  # which may hold a password
    if url.drivername == "postgresql+psycopg" and url.database:
        return url
    if url.drivername == "sqlite+aiosqlite" and url.database and url.database != ":memory:":
        return url
    raise StoreRefused(_expectation(repr(url.render_as_string())))


def _expectation(found: str) -> str:
    return (
        "INTERVIEWER_DATABASE_URL: expected sqlite+aiosqlite:///<file> or "
        f"postgresql+psycopg://<user>:<password>@<host>/<database>, got {found}"
    )


def describe_database(database_url: str) -> str:
    """The database's address without its password."""
    return make_url(database_url).render_as_string()
