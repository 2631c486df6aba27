"""Power loss: what the records are written with, so that the disk has what was acknowledged."""

from pathlib import Path

from sqlalchemy import create_engine

from graphs.sqlite import prepare_sqlite

FULL = 2  # SQLite's number for it


def test_a_record_is_on_disk_before_its_commit_returns(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/interviewer.db")
    prepare_sqlite(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
    engine.dispose()
