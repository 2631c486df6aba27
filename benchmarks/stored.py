"""What is in our service's file, read beside the running service."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

PLACES = {
    "turns": "interview_id",
    "evaluations": "interview_id",
    "checkpoints": "thread_id",
    "writes": "thread_id",
}


def bytes_of_interview(database: Path, interview_id: str) -> int:
    """The bytes of all values that are stored of an interview, its thread's among them."""
    with _opened(database) as connection:
        total = 0
        for table, place in PLACES.items():
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            size = " + ".join(f"coalesce(length(cast({name} AS BLOB)), 0)" for name in names)
            query = f"SELECT coalesce(sum({size}), 0) FROM {table} WHERE {place} = ?"  # noqa: S608 - our names
            total += connection.execute(query, (interview_id,)).fetchone()[0]
        return int(total)


def vacuumed_size(database: Path, copy: Path) -> int:
    """The size in bytes of a vacuumed copy of the database, which is removed again."""
    with _opened(database) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    size = copy.stat().st_size
    copy.unlink()
    return size


def bytes_said(database: Path) -> int:
    """The UTF-8 bytes of all questions, rubrics, answers, feedback and quotes on record."""
    query = (
        "SELECT question, answer, evaluation FROM turns LEFT JOIN evaluations USING (interview_id, number)"
    )
    with _opened(database) as connection:
        return sum(_bytes_of_turn(*row) for row in connection.execute(query))


def _bytes_of_turn(question: str, answer: str | None, evaluation: str | None) -> int:
    asked: dict[str, Any] = json.loads(question)
    graded: dict[str, Any] = json.loads(evaluation or "{}")
    quotes = [each["quote"] for each in graded.get("evidence", ())]
    said = [asked["text"], answer or "", graded.get("feedback", ""), *quotes, *_texts(asked["rubric"])]
    return sum(len(text.encode()) for text in said)


def _texts(value: object) -> Iterator[str]:
    """All the texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        yield connection
