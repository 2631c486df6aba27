"""What is written to the store is on disk when it is told, also when many write at once and some fail."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from graphs.errors import StoreFailed
from graphs.store import Store
from graphs.tasks import end_tasks


def with_store(path: Path, work: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    """Do some work with a store on a file that has one table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL)")

    async def run() -> None:
        store = Store(f"sqlite+aiosqlite:///{path}")
        try:
            await work(store)
        finally:
            await store.close()

    asyncio.run(run())


def note(number: int, words: str | None = "words") -> Callable[[Connection], object]:
    """The work of writing a note; without words it fails."""
    statement = text("INSERT INTO notes VALUES (:id, :note)").bindparams(id=number, note=words)
    return lambda connection: connection.execute(statement)


def notes_in(path: Path) -> list[int]:
    """The notes that another process would find."""
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT id FROM notes ORDER BY id")]


def test_what_a_write_returns_from_is_there_for_others(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def work(store: Store) -> None:
        await store.write(note(1))
        assert notes_in(path) == [1]

    with_store(path, work)


def test_writes_that_come_together_share_commits(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def work(store: Store) -> None:
        begun = list[str]()

        def count(connection: Connection) -> None:
            begun.append(str(id(connection.get_transaction())))

        await asyncio.gather(*(store.write(count) for _ in range(100)))
        assert len(begun) == 100
        assert len(set(begun)) < 10

    with_store(path, work)


def test_a_write_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def work(store: Store) -> None:
        works = [note(1), note(2), note(3, None), note(4)]
        outcomes = await asyncio.gather(*(store.write(each) for each in works), return_exceptions=True)
        assert [isinstance(outcome, StoreFailed) for outcome in outcomes] == [False, False, True, False]

    with_store(path, work)
    assert notes_in(path) == [1, 2, 4]


def test_a_writer_who_leaves_keeps_nobody_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def work(store: Store) -> None:
        leaving = asyncio.create_task(store.write(note(1)))
        await asyncio.sleep(0)
        leaving.cancel()
        await store.write(note(2))

    with_store(path, work)
    assert notes_in(path) == [1, 2]


def test_what_is_written_later_is_written_by_the_end_and_a_failure_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    failures: list[StoreFailed] = []

    async def work(store: Store) -> None:
        store.write_later(note(1), failures.append)
        store.write_later(note(2, None), failures.append)
        store.write_later(note(3), failures.append)

    with_store(path, work)
    assert notes_in(path) == [1, 3]
    assert len(failures) == 1


def test_a_failure_shows_nothing_of_what_was_written(tmp_path: Path) -> None:
    async def work(store: Store) -> None:
        await store.write(note(1))
        with pytest.raises(StoreFailed) as failure:
            await store.write(note(1, "a candidate's words"))
        assert "candidate" not in f"{failure.value} {failure.value.__cause__}"

    with_store(tmp_path / "store.db", work)


def test_a_task_ends_though_it_forgets_that_it_was_told_to() -> None:
    async def forget() -> None:
        for _ in range(3):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def run() -> None:
        task = asyncio.create_task(forget())
        await asyncio.sleep(0)
        await end_tasks([task])
        assert task.cancelled()

    asyncio.run(run())


def test_the_log_does_not_grow_with_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    log = path.with_name("store.db-wal")

    async def work(store: Store) -> None:
        sizes = list[int]()
        for number in range(3000):
            await store.write(note(number, "words " * 1000))
            sizes.append(log.stat().st_size)
        assert max(sizes) < 40_000_000  # all of it is more

    with_store(path, work)
    assert len(notes_in(path)) == 3000
