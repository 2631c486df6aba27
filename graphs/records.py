"""The records: what the API returns and an audit reads. Only this module queries the database.

Values are stored as JSON written by pydantic, instants as ISO 8601 text in UTC, which sorts by time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from agent.interview import ABANDONED_AFTER, Evaluation, InterviewConfig, Question, Summary, Turn
from graphs.errors import InterviewUnknown, RecordMoved, StoreFailed
from graphs.store import Store
from graphs.tables import api_keys, evaluations, interviews, responses, turns

PAGE = 10_000  # rows that one listing gives

_CONFIG = TypeAdapter(InterviewConfig)
_QUESTION = TypeAdapter(Question)
_EVALUATION = TypeAdapter(Evaluation)
_SUMMARY = TypeAdapter(Summary)

# What every turn needs is put together once: that takes longer than its execution.
_READ_INTERVIEW = select(interviews).where(interviews.c.id == bindparam("interview_id"))
_READ_TURNS = (
    select(turns.c.question, turns.c.answer, evaluations.c.evaluation)
    .select_from(
        turns.outerjoin(
            evaluations,
            (evaluations.c.interview_id == turns.c.interview_id) & (evaluations.c.number == turns.c.number),
        )
    )
    .where(turns.c.interview_id == bindparam("interview_id"))
    .order_by(turns.c.number)
)
_ADD_TURN = insert(turns).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
_ADD_EVALUATION = insert(evaluations).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
_START_CLOCK = update(interviews).where(
    (interviews.c.id == bindparam("place")) & interviews.c.started_at.is_(None)
)
_ADD_ANSWER = update(turns).where(
    (turns.c.interview_id == bindparam("place"))
    & (turns.c.number == bindparam("at"))
    & turns.c.answer.is_(None)
    & exists().where((interviews.c.id == bindparam("place")) & interviews.c.ended_at.is_(None))
)


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
    key_hash: str
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

    def __init__(self, database_url: str, *, reads_apart: bool = False) -> None:
        self.store = Store(database_url, reads_apart=reads_apart)

    async def close(self) -> None:
        """Give back the connections."""
        await self.store.close()

    async def check(self) -> None:
        """Ask the database for nothing, to see that it answers."""
        await self.store.read(lambda connection: connection.execute(select(1)))

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

        def read(connection: Connection) -> Interview:
            place = {"interview_id": interview_id}
            row = connection.execute(_READ_INTERVIEW, place).one_or_none()
            if row is None:
                raise InterviewUnknown(interview_id)
            return _read_interview(row, connection.execute(_READ_TURNS, place).all())

        return await self.store.read(read)

    async def add_question(self, interview: Interview, question: Question, asked_at: datetime) -> None:
        """Record a question as asked; the first one starts the interview's clock."""
        row = {
            "interview_id": interview.id,
            "number": _number(question.id),
            "question": _QUESTION.dump_json(question).decode(),
            "asked_at": _written(asked_at),
        }
        started = {
            "place": interview.id,
            "started_at": _written(asked_at),
            "expires_at": _expiry(asked_at, interview.config),
        }

        def add(connection: Connection) -> None:
            _expect_change(connection.execute(_ADD_TURN, row))
            if interview.started_at is None:
                connection.execute(_START_CLOCK, started)

        await self.store.write(add)

    async def add_answer(self, interview_id: str, question_id: str, answer: str) -> None:
        """Record an answer; one that is recorded already is never overwritten."""
        place = {"place": interview_id, "at": _number(question_id)}
        values = {"answer": answer, "answered_at": _written(datetime.now(UTC))}
        await self._advance(_ADD_ANSWER, place | values)

    async def add_evaluation(self, interview_id: str, question_id: str, evaluation: Evaluation) -> None:
        """Record an evaluation; the first one stands."""
        row = {
            "interview_id": interview_id,
            "number": _number(question_id),
            "evaluation": _EVALUATION.dump_json(evaluation).decode(),
            "evaluated_at": _written(datetime.now(UTC)),
        }
        await self._advance(_ADD_EVALUATION, row)

    async def end_interview(self, interview_id: str, reason: str) -> None:
        """Record that nothing more is asked, and why."""
        place = (interviews.c.id == interview_id) & interviews.c.ended_at.is_(None)
        values = {"ended_at": _written(datetime.now(UTC)), "end_reason": reason[:200]}
        await self._advance(update(interviews).where(place).values(values))

    async def add_summary(self, interview_id: str, summary: Summary) -> None:
        """Record the summary; the first one stands."""
        place = (interviews.c.id == interview_id) & interviews.c.summary.is_(None)
        values = {"summary": _SUMMARY.dump_json(summary).decode()}
        await self._advance(update(interviews).where(place).values(values))

    async def list_unfinished(self, now: datetime) -> list[str]:
        """The interviews that were left alone past their time, or whose summary is still owed."""
        expired = interviews.c.ended_at.is_(None) & (interviews.c.expires_at < _written(now))
        owed = interviews.c.ended_at.is_not(None) & interviews.c.summary.is_(None)
        query = select(interviews.c.id).where(expired | owed).limit(1000)
        return await self.store.read(lambda connection: list(connection.scalars(query)), is_long=True)

    async def count_completed(self, since: datetime | None, until: datetime | None) -> int:
        """How many interviews are over that were created from `since` until before `until`."""
        query = select(func.count()).select_from(interviews).where(_was_completed(since, until))
        return await self.store.read(lambda connection: connection.execute(query).scalar_one(), is_long=True)

    async def list_completed(
        self, since: datetime | None, until: datetime | None, after: tuple[str, str] | None = None
    ) -> list[tuple[str, str]]:
        """When each of them was created, with its id: the oldest first, a page of those after `after`."""
        place = interviews.c.created_at, interviews.c.id
        query = select(*place).where(_was_completed(since, until)).order_by(*place).limit(PAGE)
        if after is not None:
            same_instant = (interviews.c.created_at == after[0]) & (interviews.c.id > after[1])
            query = query.where((interviews.c.created_at > after[0]) | same_instant)
        rows = await self.store.read(lambda connection: list(connection.execute(query)), is_long=True)
        return [(created_at, interview_id) for created_at, interview_id in rows]

    async def add_key(self, key_id: str, name: str, key_hash: str) -> None:
        """Record a key by its hash."""
        now = _written(datetime.now(UTC))
        await self._add(api_keys, {"id": key_id, "name": name, "key_hash": key_hash, "created_at": now})

    async def find_key(self, key_id: str) -> ApiKey | None:
        """The key with this id, revoked or not."""
        query = select(api_keys).where(api_keys.c.id == key_id)
        row = await self.store.read(lambda connection: connection.execute(query).one_or_none())
        return _read_key(row) if row else None

    async def list_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        query = select(api_keys).order_by(api_keys.c.created_at)
        rows = await self.store.read(lambda connection: connection.execute(query).all())
        return [_read_key(row) for row in rows]

    async def mark_key_used(self, key_id: str) -> None:
        """Record when a key was last used."""
        now = _written(datetime.now(UTC))
        await self._write(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))

    async def revoke_key(self, key_id: str) -> bool:
        """Make a key useless from now on; false if there is no such key in use."""
        place = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        revoked = update(api_keys).where(place).values(revoked_at=_written(datetime.now(UTC)))
        return await self.store.write(lambda connection: connection.execute(revoked).rowcount == 1)

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

        def keep(connection: Connection) -> KeptResponse:
            connection.execute(insert(responses).values(row).on_conflict_do_nothing())
            return KeptResponse(*connection.execute(select(*columns).where(place)).one())

        return await self.store.write(keep)

    async def keep_response(self, scope: str, key: str, status: int, body: str) -> None:
        """Keep the response that repetitions of the request get; the first one stands."""
        place = (responses.c.scope == scope) & (responses.c.idempotency_key == key)
        unset = place & responses.c.status.is_(None)
        await self._write(update(responses).where(unset).values(status=status, body=body))

    async def forget_responses(self, before: datetime) -> None:
        """Drop the responses kept since before an instant."""
        await self._write(delete(responses).where(responses.c.created_at < _written(before)))

    async def _advance(self, statement: Executable, values: Mapping[str, object] | None = None) -> None:
        """Write a step of an interview, which nobody else may have taken meanwhile."""
        await self.store.write(lambda connection: _expect_change(connection.execute(statement, values)))

    async def _add(self, table: Table, row: dict[str, object]) -> None:
        await self._write(insert(table).values(row).on_conflict_do_nothing())

    async def _write(self, statement: Executable, values: Mapping[str, object] | None = None) -> None:
        await self.store.write(lambda connection: connection.execute(statement, values))


def _expect_change(result: CursorResult[Any]) -> None:
    """Nothing changed where another server went on with the interview: before, or since the lock was lost."""
    if result.rowcount == 0:
        raise RecordMoved


def _was_completed(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    limits: list[ColumnElement[bool]] = [interviews.c.ended_at.is_not(None)]
    limits += [interviews.c.created_at >= _written(since)] if since is not None else []
    limits += [interviews.c.created_at < _written(until)] if until is not None else []
    return and_(*limits)


def _read_interview(row: Row[Any], turn_rows: Sequence[Any]) -> Interview:
    try:
        return _build_interview(row, turn_rows)
    except (ValueError, TypeError):  # from None: the cause would show what the candidate said
        fact = "The record of this interview is damaged and cannot be read. Its data is kept as it is."
        raise StoreFailed(fact, retryable=False) from None


def _build_interview(row: Row[Any], turn_rows: Sequence[Any]) -> Interview:
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
        row.id,
        row.name,
        row.key_hash,
        created_at,
        _read_instant(row.last_used_at),
        _read_instant(row.revoked_at),
    )


def _number(question_id: str) -> int:
    return int(question_id.removeprefix("q"))


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _read_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _expiry(start: datetime, config: InterviewConfig) -> str:
    return _written(start + timedelta(minutes=config.duration) + ABANDONED_AFTER)
