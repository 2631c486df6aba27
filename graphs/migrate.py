"""Bringing a database to the version this program works with, and refusing one it cannot work with."""

import sqlite3
from pathlib import Path

from sqlalchemy.engine import make_url

from graphs.errors import StoreRefused

HEAD = "0001"
MIGRATIONS = Path(__file__).parent / "migrations"


def sqlite_path(database_url: str) -> Path:
    """The file of an SQLite database URL. Raises `StoreRefused` if the URL names no such file."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise StoreRefused(f"expected sqlite+aiosqlite:///<file>, got {url.render_as_string()!r}")
    return Path(url.database)


def upgrade_database(database_url: str) -> None:
    """Create or upgrade the database's tables, keeping what they hold.

    Raises `StoreRefused` if the database is unreadable, of another program, or of a newer version.
    """
    path = sqlite_path(database_url)
    version = _read_version(path)
    if version == HEAD:
        return
    _run_alembic(path)


def _read_version(path: Path) -> str | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path)
        try:
            tables = {
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            }
            if "alembic_version" not in tables:
                _expect_empty(path, tables)
                return None
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            _expect_ours(path, tables, version)
            return str(version)
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise StoreRefused(
            f"cannot use {path} as the database ({error}). Give INTERVIEWER_DATABASE_URL a file that this "
            "user may write, or move this one away"
        ) from None


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
