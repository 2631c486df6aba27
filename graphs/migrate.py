"""Bringing a database to the version this program works with, and refusing one it cannot work with."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from graphs.errors import StoreRefused

HEAD = "0001"
MIGRATIONS = Path(__file__).parent / "migrations"


def sqlite_path(database_url: str) -> Path:
    """The file of an SQLite database URL. Raises `StoreRefused` if the URL names no such file."""
    try:
        url = make_url(database_url)
    except ArgumentError:
        url = None
    if url is None or url.drivername != "sqlite+aiosqlite" or not url.database or url.database == ":memory:":
        shown = url.render_as_string() if url else database_url
        raise StoreRefused(f"INTERVIEWER_DATABASE_URL: expected sqlite+aiosqlite:///<file>, got {shown!r}")
    return Path(url.database)


def upgrade_database(database_url: str) -> None:
    """Create or upgrade the database's tables, keeping what they hold.

    Raises `StoreRefused` if the database is unreadable, of another program, or of a newer version.
    """
    path = sqlite_path(database_url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _read_version(path) != HEAD:
            _run_alembic(path)
    except (sqlite3.Error, DBAPIError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        raise StoreRefused(
            f"cannot use {path} as the database ({reason}). Give INTERVIEWER_DATABASE_URL a file that this "
            "user may write, on a disk with room, or move this one away"
        ) from None


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
        _expect_ours(path, tables, version)
        return version


def _expect_empty(path: Path, tables: set[str]) -> None:
    if tables:
        raise StoreRefused(
            f"{path} is the database of another program. Give INTERVIEWER_DATABASE_URL another file"
        )


def _expect_ours(path: Path, tables: set[str], version: str) -> None:
    if "interviews" not in tables:
        _expect_empty(path, tables)
    if version > HEAD:
        raise StoreRefused(
            f"{path} was written by a newer version (its tables: {version}, this program's: {HEAD}). "
            "Start the newer version, or use another database"
        )


def _run_alembic(path: Path) -> None:
    from alembic import command  # noqa: PLC0415 - a database at head, the usual case, never needs it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = f"sqlite:///{path}"
    command.upgrade(config, "head")
