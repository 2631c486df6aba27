"""Whole interviews through the real graph and its door, on records of their own."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic_core import to_jsonable_python

from agent.engine import Engine, QuestionBrief
from agent.engines import offer_engine
from agent.errors import EngineFailed
from agent.interview import InterviewConfig, Question, QuestionDraft, Turn, fold
from agent.interview import topics_of as group_topics
from evals.candidates import Plan, answer
from evals.datasets import InterviewRow, InterviewTurn
from evals.trials import Outcome
from graphs.interviewer import Interviewer
from graphs.migrate import upgrade_database
from graphs.records import Interview, Records
from graphs.state import Context

OWNER = "evaluation"
# What a candidate says to a follow-up that the recorded interview did not have.
NOTHING_RECORDED = "I have nothing to add to what I said."
DRAIN_SECONDS = 10.0
MOST_TURNS = 200  # more than the longest interview has

_numbers = count(1)

Candidate = Callable[[Question, int], str]


async def hold_interview(plan: Plan, engine: Engine) -> Outcome:
    """An interview with a simulated candidate, from the first question to the summary."""
    held = await _hold(plan.config, plan.seed, engine, lambda asked, n: answer(plan, asked, n))
    return {"interview": to_jsonable_python(held)}


async def replay_interview(row: InterviewRow, engine: Engine) -> Outcome:
    """The recorded questions and answers once more: who decides and grades is today's graph and engine.

    Where it asks a follow-up that was not recorded, the candidate has nothing to add; a recorded follow-up
    that is not asked is passed over. So both ways meet again at the next main question.
    """
    script = _Script(row, engine)
    held = await _hold(row.config, int(row.meta.get("seed", 0)), script, script.answer, script.budget)
    return {"turns": [to_jsonable_python(turn) for turn in held.turns], "end_reason": held.end_reason}


async def _hold(
    config: InterviewConfig, seed: int, engine: Engine, candidate: Candidate, budget: int | None = None
) -> Interview:
    with _offered(engine) as name:
        async with open_door(Context(model=name, seed=seed, question_budget=budget)) as door:
            interview = await door.create(OWNER, config)
            for number in range(1, MOST_TURNS + 1):
                interview = await door.read(OWNER, interview.id)
                if interview.current is None:
                    return interview
                said = candidate(interview.current.question, number)
                await door.answer(OWNER, interview.id, interview.current.question.id, said)
    raise EngineFailed("the interview did not end", retryable=False)


@contextmanager
def _offered(engine: Engine) -> Iterator[str]:
    """The engine under a name of its own, under which the graph finds it."""
    name = f"evaluation {next(_numbers)}"
    with offer_engine(name, engine):
        yield name


@asynccontextmanager
async def open_door(context: Context) -> AsyncIterator[Interviewer]:
    """A door on a database of its own, which is gone afterwards."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "interview.db"
        path.write_bytes(_empty_database())  # on the spot, since it must not be made by two at once
        records = Records(f"sqlite+aiosqlite:///{path}")
        door = Interviewer(records, context)
        try:
            yield door
        finally:
            await door.drain(DRAIN_SECONDS)
            await records.close()


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        upgrade_database(f"sqlite+aiosqlite:///{path}")
        return path.read_bytes()


class _Script:
    """An engine that asks what was recorded, and leaves everything else to the engine under test."""

    drafts_ahead = False

    def __init__(self, row: InterviewRow, engine: Engine) -> None:
        self.name = engine.name
        self.evaluate_answer = engine.evaluate_answer
        self.summarise_interview = engine.summarise_interview
        self.coach_answer = engine.coach_answer
        self.practice_question = engine.practice_question
        self._topics = recorded_topics(row)
        self._following: list[InterviewTurn] = []

    @property
    def budget(self) -> int:
        """How many main questions were answered."""
        return len(self._topics)

    async def generate_question(self, brief: QuestionBrief) -> QuestionDraft:
        """The recorded main question of this number."""
        main = self._topics[brief.number - 1][0]
        return QuestionDraft(main.question, main.rubric, competency=main.question[:80], source="recorded")

    def answer(self, question: Question, _: int) -> str:
        """What was answered then."""
        if question.kind == "main":
            topic = next(topic for topic in self._topics if topic[0].question == question.text)
            self._following = list(topic[1:])
            return topic[0].answer or ""
        return (self._following.pop(0).answer or "") if self._following else NOTHING_RECORDED

    async def close(self) -> None:
        """Nothing of its own is held open."""


def recorded_topics(row: InterviewRow) -> list[list[InterviewTurn]]:
    """The answered turns, each main question with the follow-ups after it."""
    topics: list[list[InterviewTurn]] = []
    for turn in row.turns:
        if turn.answer is None:
            continue
        if turn.kind == "main":
            topics.append([])
        topics[-1].append(turn)
    return topics


@dataclass(frozen=True, slots=True)
class Diff:
    """What a replay changed: `lines` say it, `scores` are pairs of the recorded and the new one."""

    same_route: bool
    scores: tuple[tuple[int, int], ...]
    lines: tuple[str, ...]


def compare_with_recording(row: InterviewRow, turns: Sequence[Turn]) -> Diff:
    """The recorded interview beside the replayed one, main question by main question.

    A follow-up that was open when the recording ends is the last that is compared.
    """
    lines: list[str] = []
    scores: list[tuple[int, int]] = []
    recorded, replayed = recorded_topics(row), group_topics(turns)
    same_route = len(replayed) == len(recorded)
    for number, (then, now) in enumerate(zip(recorded, replayed, strict=False), start=1):
        asked = [now.main, *now.follow_ups]
        if row.turns[-1].answer is None and row.turns[-1].kind == "follow_up" and number == len(recorded):
            then = [*then, row.turns[-1]]  # noqa: PLW2901 - the same topic with what was still open
            asked = asked[: len(then)]
        for place, (old, new) in enumerate(zip_longest(then, asked)):
            where = f"question {number}" + (f", follow-up {place}" if place else "")
            lines += _compare_turns(where, old, new, scores)
        same_route &= len(then) == len(asked)
    if len(replayed) != len(recorded):
        lines.append(f"{len(recorded)} main questions were asked, now {len(replayed)}")
    return Diff(same_route, tuple(scores), tuple(lines))


def _compare_turns(
    where: str, old: InterviewTurn | None, new: Turn | None, scores: list[tuple[int, int]]
) -> Iterator[str]:
    """What changed at one place; two scores of one answer to one question are added to `scores`."""
    if old is None or new is None:
        if old is not None:
            yield f"{where}: was asked, and is not any more: {old.question}"
        if new is not None:
            yield f"{where}: was not asked, and is now: {new.question.text}"
    elif fold(old.question) != fold(new.question.text):
        yield f"{where}: was {old.question!r}, is {new.question.text!r}"
    elif old.score is not None and new.evaluation is not None:
        scores.append((old.score, new.evaluation.score))
        if old.score != new.evaluation.score:
            yield f"{where}: scored {old.score}, now {new.evaluation.score}"
