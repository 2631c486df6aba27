"""The door: the one way in which REST, WebSocket and the sweeper act on interviews.

Records are the truth and threads follow them. Each act holds the interview's lock; what the graph does is
recorded as it happens and only then told. A thread that a crash left behind, or lost, is placed anew
from the records, so an act that was cut off anywhere can be repeated.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self, TypeVar
from uuid import uuid4

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars

from agent.deadline import time_limit
from agent.errors import EngineFailed
from agent.interview import Evaluation, InterviewConfig, Question, Summary, Turn
from agent.seats import Seats, away_from_seat
from agent.settings import load_settings
from agent.telemetry import follow_up_context
from graphs.checkpoints import Checkpoints
from graphs.coordination import Locks
from graphs.errors import AnswerConflict, InterviewForeign, RecordMoved, Refused, StoreFailed
from graphs.events import (
    AnswerEvaluated,
    Event,
    EventBus,
    FeedbackWritten,
    InterviewEnded,
    QuestionAsked,
    ThinkingStarted,
    ThinkingStopped,
)
from graphs.metrics import COMPLETED, CREATED, count_turn
from graphs.nodes import draw_seed
from graphs.records import Interview, Records
from graphs.state import Context
from graphs.tasks import end_tasks
from graphs.threads import QUESTION_STEPS, SUMMARY_STEPS, Steps, Threads

T = TypeVar("T")
Record = Coroutine[Any, Any, None]
MOST_OWNERS = 10_000
MOST_KEPT = 256
MOST_SEATED = 12  # turns that go on at once, back from a model

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AnswerResult:
    """What became of an answer. `repeated` tells that it had been graded before this submission."""

    question_id: str
    evaluation: Evaluation
    next_question: Question | None
    repeated: bool


class Interviewer:
    """Creates, continues and ends interviews; safe to call from anywhere in the process at once."""

    def __init__(self, records: Records, context: Context, locks: Locks | None = None) -> None:
        self.records = records
        self.events = EventBus()
        self._threads = Threads(Checkpoints(records.store), context)
        self._context = context
        self._locks = locks or Locks()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._seats = Seats(MOST_SEATED)
        self._thinking: set[str] = set()
        self._kept: dict[str, Interview] = {}  # those with an open question, of late
        self._owners: dict[str, str] = {}  # of interviews asked for of late; an owner never changes

    async def create(self, owner: str, config: InterviewConfig, interview_id: str | None = None) -> Interview:
        """Record a new interview and begin to prepare its first question."""
        new = Interview(
            id=interview_id or uuid4().hex,
            owner=owner,
            created_at=datetime.now(UTC),
            config=config,
            seed=draw_seed(self._context),
        )
        await self.records.create_interview(new)
        CREATED.inc()
        self._start(self._prepare_quietly(new.id))
        return await self.records.read_interview(new.id)

    async def find(self, owner: str, interview_id: str) -> Interview:
        """The interview as it stands. Raises `InterviewUnknown` or `InterviewForeign`."""
        kept = None if self.records.store.is_shared else self._kept.get(interview_id)
        interview = kept or await self.records.read_interview(interview_id)
        if interview.owner != owner:
            raise InterviewForeign
        self._owners[interview_id] = owner
        if len(self._owners) > MOST_OWNERS:
            del self._owners[next(iter(self._owners))]
        return interview

    async def read(self, owner: str, interview_id: str) -> Interview:
        """The interview once its open question or its summary is ready.

        An answer that cannot be graded yet leaves it on that question. Raises what `find` raises, and
        `EngineFailed` if there is nothing to show since the preparation fails.
        """
        interview = await self.find(owner, interview_id)
        if _is_settled(interview):
            return interview
        try:
            return await self._finish(self._prepare(interview_id))
        except EngineFailed:
            interview = await self.find(owner, interview_id)
            if interview.current is None:
                raise
            return interview

    async def answer(self, owner: str, interview_id: str, question_id: str | None, text: str) -> AnswerResult:
        """Record the answer to a question (without an id: the open one), grade it and move on.

        The same answer again gives the same result. A caller who leaves does not stop what has begun.
        Raises what `read` raises, and `AnswerConflict` if the answer does not fit; `EngineFailed` leaves the
        answer stored and the interview where it was.
        """
        if self._owners.get(interview_id) != owner:  # told before it has to wait for anybody else's turn
            await self.find(owner, interview_id)
        return await self._finish(self._take_turn(interview_id, question_id, text))

    async def end(self, owner: str, interview_id: str) -> Interview:
        """End the interview if it is not over, and return it with its summary."""
        await self.find(owner, interview_id)
        return await self._finish(self._close(interview_id, "the client ended the interview"))

    async def tidy(self) -> None:
        """End what was left alone past its time, and write summaries that are still owed."""
        for interview_id in await self.records.list_unfinished(datetime.now(UTC)):
            try:
                await self._close(interview_id, "it was left alone past its time")
            except Exception:  # one interview that cannot be ended must not keep the others
                log.exception("interview_not_closed", interview_id=interview_id)

    async def drain(self, seconds: float) -> None:
        """Wait for what has begun and what follows from it; the records bring back what takes longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        await end_tasks(self._tasks)

    async def _prepare_quietly(self, interview_id: str) -> None:
        """Prepare ahead of being asked; whoever asks next tries again and is told what fails."""
        try:
            await self._prepare(interview_id)
        except (EngineFailed, StoreFailed) as error:
            self._announce_thinking(interview_id, begins=False)
            log.warning("preparation_failed", interview_id=interview_id, fact=str(error))

    async def _prepare(self, interview_id: str) -> Interview:
        async with self._at_work(interview_id) as interview:
            return await self._advance(interview)

    async def _take_turn(self, interview_id: str, question_id: str | None, text: str) -> AnswerResult:
        with count_turn() as turn:
            try:
                result = await self._submit(interview_id, question_id, text)
            except RecordMoved:  # what was kept here was out of date
                result = await self._submit(interview_id, question_id, text)
            turn.outcome = "repeated" if result.repeated else "graded"
            return result

    async def _submit(self, interview_id: str, question_id: str | None, text: str) -> AnswerResult:
        async with self._at_work(interview_id, question_id) as recorded:
            interview = await self._advance(recorded) if recorded.status == "created" else recorded
            turn = _find_turn(interview, question_id)
            bind_contextvars(question_id=turn.question.id)
            repeated = turn.evaluation is not None
            if turn.answer is None:
                _expect_open(interview, turn)
                record = self.records.add_answer(interview_id, turn.question.id, text)
                interview = replace(interview, turns=(*interview.turns[:-1], replace(turn, answer=text)))
                if self.records.store.is_shared:  # another server may have graded it, which shows here
                    await record
                    interview = await self._advance(interview, SUMMARY_STEPS)
                else:
                    interview = await self._advance(interview, SUMMARY_STEPS, record)
            elif turn.answer != text:
                raise AnswerConflict(
                    "This question was already answered differently.", _open_question(interview)
                )
            elif not _is_settled(interview):
                interview = await self._advance(interview, SUMMARY_STEPS)
            result = _read_result(interview, turn.question.id, repeated=repeated)
        if not _is_settled(interview):
            self._start(self._prepare_quietly(interview_id))
        return result

    async def _close(self, interview_id: str, reason: str) -> Interview:
        async with self._at_work(interview_id) as interview:
            if interview.ended_at is not None:
                return await self._advance(interview)
            await self._grade_what_is_owed(interview)
            await self.records.end_interview(interview_id, reason)
            return await self._advance(await self.records.read_interview(interview_id))

    async def _grade_what_is_owed(self, interview: Interview) -> None:
        """Try once more to grade an accepted answer that has no evaluation; the summary can do without."""
        if interview.current is None or interview.current.answer is None:
            return
        try:
            await self._advance(interview, stop_before=QUESTION_STEPS + SUMMARY_STEPS)
        except EngineFailed as error:
            log.warning("answer_left_ungraded", interview_id=interview.id, fact=str(error))

    async def _advance(
        self, interview: Interview, stop_before: Steps | None = None, record: Record | None = None
    ) -> Interview:
        """Run the graph to where it waits for the candidate, is over, or was told to stop.

        What a step did is recorded and told while the graph takes the next one, but no later: each record is
        on disk before the next begins. The first is the answer's, if it is not recorded yet.
        """
        if _is_settled(interview):
            return interview
        self._announce_thinking(interview.id, begins=True)
        try:
            stream = self.events.wants_pieces(interview.id)
            async with (
                _Behind() as behind,
                aclosing(self._threads.run(interview, stop_before, stream=stream)) as steps,
            ):
                await behind.begin(record)
                async for step, update in steps:
                    interview, record = self._record(interview, step, update)
                    await behind.begin(record)
        except BaseException:
            self._announce_thinking(interview.id, begins=False)
            raise
        if _is_settled(interview):
            self._announce_thinking(interview.id, begins=False)
            self._keep(interview)
        if interview.summary is not None:
            await self._forget_thread(interview.id)
        return interview

    def _keep(self, interview: Interview) -> None:
        """Keep an interview as it was just recorded, until somebody works on it again."""
        if interview.ended_at is None:
            self._kept[interview.id] = interview
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _forget_thread(self, interview_id: str) -> None:
        """Remove the thread of an interview whose record is complete; one that stays does no harm."""
        try:
            await self._threads.remove(interview_id)
        except StoreFailed as error:
            log.warning("thread_not_removed", interview_id=interview_id, fact=str(error))

    def _record(
        self, interview: Interview, step: str, update: dict[str, Any]
    ) -> tuple[Interview, Record | None]:
        """The interview after what a node did, and what records that and then tells it."""
        if step == "feedback":
            return interview, self._tell(interview.id, FeedbackWritten(update["question_id"], update["text"]))
        if step == "evaluate_answer":
            turn = replace(interview.turns[-1], evaluation=update["evaluation"])
            return replace(interview, turns=(*interview.turns[:-1], turn)), self._record_evaluation(
                interview, turn
            )
        if step in QUESTION_STEPS:
            asked_at = datetime.now(UTC)
            turns = (*interview.turns, Turn(update["question"]))
            record = self._record_question(interview, update["question"], asked_at)
            return replace(interview, started_at=interview.started_at or asked_at, turns=turns), record
        if step == "choose_next" and update["route"].step in SUMMARY_STEPS:
            reason = update["route"].reason
            record = self.records.end_interview(interview.id, reason)
            return replace(interview, ended_at=datetime.now(UTC), end_reason=reason), record
        if step in SUMMARY_STEPS:
            ended_at = interview.ended_at or datetime.now(UTC)
            record = self._record_summary(interview, update["summary"])
            return replace(interview, ended_at=ended_at, summary=update["summary"]), record
        return interview, None

    async def _tell(self, interview_id: str, event: Event) -> None:
        self.events.publish(interview_id, event)

    async def _record_evaluation(self, interview: Interview, turn: Turn) -> None:
        assert turn.evaluation is not None  # noqa: S101 - it was just made
        await self.records.add_evaluation(interview.id, turn.question.id, turn.evaluation)
        self.events.publish(interview.id, AnswerEvaluated(turn.question.id, turn.evaluation))

    async def _record_question(self, interview: Interview, question: Question, asked_at: datetime) -> None:
        await self.records.add_question(interview, question, asked_at)
        self.events.publish(interview.id, QuestionAsked(question))

    async def _record_summary(self, interview: Interview, summary: Summary) -> None:
        if interview.ended_at is None:  # a crash fell between the last grade and the decision to end
            await self.records.end_interview(interview.id, "nothing more is asked")
        await self.records.add_summary(interview.id, summary)
        COMPLETED.inc()
        self.events.publish(interview.id, InterviewEnded(summary))

    @asynccontextmanager
    async def _at_work(self, interview_id: str, question_id: str | None = None) -> AsyncIterator[Interview]:
        """The interview as recorded, while nobody else works on it.

        Where other servers write interviews too, what is kept is read anew unless the given question is open
        in it; whether it still is shows when the answer is recorded.
        """
        with bound_contextvars(interview_id=interview_id):
            async with self._locks.hold(interview_id):
                kept = self._kept.pop(interview_id, None)
                if kept and self.records.store.is_shared and kept.turns[-1].question.id != question_id:
                    kept = None
                yield kept or await self.records.read_interview(interview_id)

    def _announce_thinking(self, interview_id: str, *, begins: bool) -> None:
        if begins and interview_id not in self._thinking:
            self._thinking.add(interview_id)
            self.events.publish(interview_id, ThinkingStarted())
        elif not begins and interview_id in self._thinking:
            self._thinking.discard(interview_id)
            self.events.publish(interview_id, ThinkingStopped())

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that goes on to its end when the one who asked for it leaves."""
        return await asyncio.shield(self._start(work))

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        # In a context of its own, so that work which follows from a request has the whole time limit again.
        task = asyncio.create_task(self._do(work), context=follow_up_context())
        self._tasks.add(task)
        task.add_done_callback(self._note_done)
        return task

    async def _do(self, work: Coroutine[Any, Any, T]) -> T:
        with time_limit(load_settings().model_timeout_seconds), self._seats.offer():
            return await work

    def _note_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (EngineFailed, StoreFailed, Refused)):
            log.error("work_failed", kind=type(error).__name__, exc_info=error)


class _Behind:
    """Records one step of an interview while the graph takes the next, and no more than one."""

    def __init__(self) -> None:
        self._record: asyncio.Task[None] | None = None

    async def begin(self, record: Record | None) -> None:
        """Wait for the record before, and begin this one. Raises what the one before raises."""
        try:
            await self._finish()
        except BaseException:
            if record is not None:
                record.close()
            raise
        if record is not None:
            self._record = asyncio.create_task(record)

    async def _finish(self) -> None:
        if self._record is not None:
            record, self._record = self._record, None
            async with nullcontext() if record.done() else away_from_seat():
                await record

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the last record; beside a failure its own is told first, since it explains the other."""
        await self._finish()


def _is_settled(interview: Interview) -> bool:
    """Whether nothing is owed: a question is open, or the summary is written."""
    if interview.ended_at is not None:
        return interview.summary is not None
    return bool(interview.turns) and interview.turns[-1].answer is None


def _open_question(interview: Interview) -> Question | None:
    return interview.current.question if interview.current else None


def _find_turn(interview: Interview, question_id: str | None) -> Turn:
    turn = interview.turn(question_id) if question_id else interview.current
    if turn is None and interview.ended_at is not None:
        raise AnswerConflict("The interview is over.", None)
    if turn is None:
        raise AnswerConflict("This is not the current question.", _open_question(interview))
    return turn


def _expect_open(interview: Interview, turn: Turn) -> None:
    if interview.ended_at is not None or turn is not interview.turns[-1]:
        raise AnswerConflict("The interview is over.", None)


def _read_result(interview: Interview, question_id: str, *, repeated: bool) -> AnswerResult:
    ids = [turn.question.id for turn in interview.turns]
    place = ids.index(question_id)
    evaluation = interview.turns[place].evaluation
    if evaluation is None:
        raise AnswerConflict("The interview ended before this answer could be graded.", None)
    following = interview.turns[place + 1].question if place + 1 < len(ids) else None
    return AnswerResult(question_id, evaluation, following, repeated)
