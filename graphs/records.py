"""The records: what the API returns and an audit reads. Only this module queries the database.

Values are stored as JSON written by pydantic, instants as ISO 8601 text in UTC, which sorts by time.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import Row, Table, delete, event, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from agent.interview import ABANDONED_AFTER, Evaluation, InterviewConfig, Question, Summary, Turn
from graphs.errors import InterviewUnknown, StoreFailed
from graphs.tables import api_keys, evaluations, interviews, responses, turns

_CONFIG = TypeAdapter(InterviewConfig)
_QUESTION = TypeAdapter(Question)
_EVALUATION = TypeAdapter(Evaluation)
_SUMMARY = TypeAdapter(Summary)


@dataclass(frozen=True, slots=True)
class Interview:
    """An interview as recorded; `turns` are in the order they were asked."""

    id: str
    owner: str
    created_at: datetime
    config: InterviewConfig
    seed: int
    started_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    summary: Summary | None = None
    turns: tuple[Turn, ...] = ()

    @property
    def status(self) -> Literal["created", "in_progress", "completed"]:
        """Where the interview stands, in the contract's words."""
        if self.ended_at is not None:
            return "completed"
        return "in_progress" if self.turns else "created"

    @property
    def current(self) -> Turn | None:
        """The turn that has no evaluation yet and may still get one."""
        if self.ended_at is not None or not self.turns or self.turns[-1].evaluation is not None:
            return None
        return self.turns[-1]

    def turn(self, question_id: str) -> Turn | None:
        """The turn of a question, if it was asked."""
        return next((turn for turn in self.turns if turn.question.id == question_id), None)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as recorded; the key itself is kept nowhere."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """What an idempotency key stands for: `subject` is the id of what the first request makes."""

    fingerprint: str
    subject: str
    status: int | None
    body: str | None


class Records:
    """The store. Each method is one transaction; doing it twice is doing it once.

    Every method raises `StoreFailed` when the database does not do its work.
    """

    def __init__(self, database_url: str) -> None:
        self._engine = create_engine(database_url)

    async def close(self) -> None:
        """Give back the connections."""
        await self._engine.dispose()

    async def check(self) -> None:
        """Ask the database for nothing, to see that it answers."""
        async with self._begin() as connection:
            await connection.execute(select(1))

    async def create_interview(self, interview: Interview) -> None:
        """Record a new interview; one with this id that exists already stays as it is."""
        row = {
            "id": interview.id,
            "owner": interview.owner,
            "created_at": _written(interview.created_at),
            "config": _CONFIG.dump_json(interview.config).decode(),
            "seed": interview.seed,
            "expires_at": _expiry(interview.created_at, interview.config),
        }
        await self._add(interviews, row)

    async def read_interview(self, interview_id: str) -> Interview:
        """The interview with its turns. Raises `InterviewUnknown`."""
        async with self._begin() as connection:
            row = (
                await connection.execute(select(interviews).where(interviews.c.id == interview_id))
            ).one_or_none()
            if row is None:
                raise InterviewUnknown(interview_id)
            return _read_interview(row, await _turn_rows(connection, interview_id))

    async def add_question(self, interview: Interview, question: Question) -> None:
        """Record a question as asked; the first one starts the interview's clock."""
        now = datetime.now(UTC)
        row = {
            "interview_id": interview.id,
            "number": _number(question.id),
            "question": _QUESTION.dump_json(question).decode(),
            "asked_at": _written(now),
        }
        async with self._begin(write=True) as connection:
            await connection.execute(insert(turns).values(row).on_conflict_do_nothing())
            if interview.started_at is None:
                started = {"started_at": _written(now), "expires_at": _expiry(now, interview.config)}
                unstarted = (interviews.c.id == interview.id) & interviews.c.started_at.is_(None)
                await connection.execute(update(interviews).where(unstarted).values(started))

    async def add_answer(self, interview_id: str, question_id: str, answer: str) -> None:
        """Record an answer; one that is recorded already is never overwritten."""
        place = (turns.c.interview_id == interview_id) & (turns.c.number == _number(question_id))
        values = {"answer": answer, "answered_at": _written(datetime.now(UTC))}
        async with self._begin(write=True) as connection:
            await connection.execute(update(turns).where(place & turns.c.answer.is_(None)).values(values))

    async def add_evaluation(self, interview_id: str, question_id: str, evaluation: Evaluation) -> None:
        """Record an evaluation; the first one stands."""
        row = {
            "interview_id": interview_id,
            "number": _number(question_id),
            "evaluation": _EVALUATION.dump_json(evaluation).decode(),
            "evaluated_at": _written(datetime.now(UTC)),
        }
        await self._add(evaluations, row)

    async def end_interview(self, interview_id: str, reason: str) -> None:
        """Record that nothing more is asked, and why."""
        place = (interviews.c.id == interview_id) & interviews.c.ended_at.is_(None)
        values = {"ended_at": _written(datetime.now(UTC)), "end_reason": reason[:200]}
        async with self._begin(write=True) as connection:
            await connection.execute(update(interviews).where(place).values(values))

    async def add_summary(self, interview_id: str, summary: Summary) -> None:
        """Record the summary; the first one stands."""
        place = (interviews.c.id == interview_id) & interviews.c.summary.is_(None)
        values = {"summary": _SUMMARY.dump_json(summary).decode()}
        async with self._begin(write=True) as connection:
            await connection.execute(update(interviews).where(place).values(values))

    async def list_unfinished(self, now: datetime) -> list[str]:
        """The interviews that were left alone past their time, or whose summary is still owed."""
        expired = interviews.c.ended_at.is_(None) & (interviews.c.expires_at < _written(now))
        owed = interviews.c.ended_at.is_not(None) & interviews.c.summary.is_(None)
        async with self._begin() as connection:
            return list(await connection.scalars(select(interviews.c.id).where(expired | owed).limit(1000)))

    async def add_key(self, key_id: str, name: str, key_hash: str) -> None:
        """Record a key by its hash."""
        now = _written(datetime.now(UTC))
        await self._add(api_keys, {"id": key_id, "name": name, "key_hash": key_hash, "created_at": now})

    async def find_key(self, key_hash: str) -> ApiKey | None:
        """The key with this hash, revoked or not."""
        async with self._begin() as connection:
            query = select(api_keys).where(api_keys.c.key_hash == key_hash)
            row = (await connection.execute(query)).one_or_none()
            return _read_key(row) if row else None

    async def list_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        async with self._begin() as connection:
            rows = await connection.execute(select(api_keys).order_by(api_keys.c.created_at))
            return [_read_key(row) for row in rows]

    async def mark_key_used(self, key_id: str) -> None:
        """Record when a key was last used."""
        async with self._begin(write=True) as connection:
            now = _written(datetime.now(UTC))
            await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))

    async def revoke_key(self, key_id: str) -> bool:
        """Make a key useless from now on; false if there is no such key in use."""
        place = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        async with self._begin(write=True) as connection:
            values = {"revoked_at": _written(datetime.now(UTC))}
            return (await connection.execute(update(api_keys).where(place).values(values))).rowcount == 1

    async def keep_request(self, scope: str, key: str, fingerprint: str, subject: str) -> KeptResponse:
        """Reserve an idempotency key for a request, or return what it was reserved for first."""
        row = {
            "scope": scope,
            "idempotency_key": key,
            "fingerprint": fingerprint,
            "subject": subject,
            "created_at": _written(datetime.now(UTC)),
        }
        place = (responses.c.scope == scope) & (responses.c.idempotency_key == key)
        columns = (responses.c.fingerprint, responses.c.subject, responses.c.status, responses.c.body)
        async with self._begin(write=True) as connection:
            await connection.execute(insert(responses).values(row).on_conflict_do_nothing())
            return KeptResponse(*(await connection.execute(select(*columns).where(place))).one())

    async def keep_response(self, scope: str, key: str, status: int, body: str) -> None:
        """Keep the response that repetitions of the request get; the first one stands."""
        place = (responses.c.scope == scope) & (responses.c.idempotency_key == key)
        async with self._begin(write=True) as connection:
            unset = place & responses.c.status.is_(None)
            await connection.execute(update(responses).where(unset).values(status=status, body=body))

    async def forget_responses(self, before: datetime) -> None:
        """Drop the responses kept since before an instant."""
        async with self._begin(write=True) as connection:
            await connection.execute(delete(responses).where(responses.c.created_at < _written(before)))

    async def _add(self, table: Table, row: dict[str, object]) -> None:
        async with self._begin(write=True) as connection:
            await connection.execute(insert(table).values(row).on_conflict_do_nothing())

    @asynccontextmanager
    async def _begin(self, *, write: bool = False) -> AsyncIterator[AsyncConnection]:
        with failures_of_the_store():
            async with self._engine.connect() as connection:
                await connection.execution_options(write=write)
                async with connection.begin():
                    yield connection


@contextmanager
def failures_of_the_store() -> Iterator[None]:
    """Turn what the database's drivers raise into `StoreFailed`, with a sentence and no internals."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        raise StoreFailed(_describe_failure(error)) from error


def create_engine(database_url: str) -> AsyncEngine:
    """An engine whose errors never show parameters, since answers are among them."""
    engine = create_async_engine(database_url, hide_parameters=True)
    prepare_sqlite(engine.sync_engine)
    return engine


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


async def _turn_rows(connection: AsyncConnection, interview_id: str) -> list[Row[Any]]:
    both = (evaluations.c.interview_id == turns.c.interview_id) & (evaluations.c.number == turns.c.number)
    query = (
        select(turns.c.question, turns.c.answer, evaluations.c.evaluation)
        .select_from(turns.outerjoin(evaluations, both))
        .where(turns.c.interview_id == interview_id)
        .order_by(turns.c.number)
    )
    return list(await connection.execute(query))


def _read_interview(row: Row[Any], turn_rows: list[Row[Any]]) -> Interview:
    return Interview(
        id=row.id,
        owner=row.owner,
        created_at=datetime.fromisoformat(row.created_at),
        config=_CONFIG.validate_json(row.config),
        seed=row.seed,
        started_at=_read_instant(row.started_at),
        ended_at=_read_instant(row.ended_at),
        end_reason=row.end_reason,
        summary=_SUMMARY.validate_json(row.summary) if row.summary else None,
        turns=tuple(_read_turn(turn) for turn in turn_rows),
    )


def _read_turn(row: Row[Any]) -> Turn:
    evaluation = _EVALUATION.validate_json(row.evaluation) if row.evaluation else None
    return Turn(_QUESTION.validate_json(row.question), row.answer, evaluation)


def _read_key(row: Row[Any]) -> ApiKey:
    created_at = datetime.fromisoformat(row.created_at)
    return ApiKey(
        row.id, row.name, created_at, _read_instant(row.last_used_at), _read_instant(row.revoked_at)
    )


def _number(question_id: str) -> int:
    return int(question_id.removeprefix("q"))


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _read_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _expiry(start: datetime, config: InterviewConfig) -> str:
    return _written(start + timedelta(minutes=config.duration) + ABANDONED_AFTER)
