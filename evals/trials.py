"""What the evaluations do with the engine under test; each trial gives what came of it, as JSON.

A question that stands in the question bank is held against the bank's rubric, as in an interview.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import to_jsonable_python

from agent.engine import AnswerBrief, Engine
from agent.interview import (
    InterviewConfig,
    KeyPoint,
    Question,
    QuestionDraft,
    Rubric,
    Turn,
    fold,
    place_follow_up,
    place_question,
)
from agent.offline.bank import all_questions, load_bank
from evals.datasets import AnswerRow, AttackRow, PairRow, PartsRow

Outcome = dict[str, Any]

MORE = "I have nothing to add to what I said."


@dataclass(frozen=True, slots=True)
class CoachBrief:
    """What a coach is asked."""

    question: str
    answer: str
    framework: str


Asked = Mapping[str, AnswerBrief | CoachBrief]


def ask_about_answer(row: AnswerRow) -> Asked:
    """The answer, to be graded."""
    question = question_of(row.question, row.key_points, row.reference_answer)
    return {"answer": AnswerBrief(config_of(row.meta), question, row.answer)}


def ask_about_attack(row: AttackRow) -> Asked:
    """The manipulated answer, and what it is held against."""
    question = question_of(row.question, row.key_points, row.reference_answer)
    texts = {"answer": row.answer, "base": row.base_answer, "pair": row.pair_answer}
    briefs = {
        name: AnswerBrief(config_of(row.meta), question, text)
        for name, text in texts.items()
        if text is not None
    }
    return {name: brief for name, brief in briefs.items() if name in ("answer", _other_side(row))}


def ask_about_pair(row: PairRow) -> Asked:
    """Both answers of a pair."""
    question = question_of(row.question, (), row.reference_answer)
    config = config_of(row.meta)
    return {"a": AnswerBrief(config, question, row.a), "b": AnswerBrief(config, question, row.b)}


def ask_about_parts(row: PartsRow) -> Asked:
    """The whole answer, and the answer without each of its parts in turn."""
    without = {
        f"without {part}": CoachBrief(row.question, _cut(row.answer, spans), row.framework)
        for part, spans in row.parts.items()
        if spans
    }
    return {"whole": CoachBrief(row.question, row.answer, row.framework), **without}


async def carry_out(asked: Asked, engine: Engine) -> Outcome:
    """What the engine says to each of what is asked, all at once."""
    replies = await asyncio.gather(*(_carry_out_one(brief, engine) for brief in asked.values()))
    return {name: to_jsonable_python(reply) for name, reply in zip(asked, replies, strict=True)}


async def follow_up(row: AnswerRow, engine: Engine) -> Outcome:
    """The grade of an answer, of a reply to its follow-up that adds nothing, and what is asked after that."""
    (brief,) = ask_about_answer(row).values()
    assert isinstance(brief, AnswerBrief)  # noqa: S101 - what `ask_about_answer` makes
    first = await engine.evaluate_answer(brief)
    outcome: Outcome = {"first": to_jsonable_python(first), "points": _points(brief.question)}
    if first.follow_up is not None:
        turns = (Turn(brief.question, row.answer, first),)
        asked = place_follow_up(first.follow_up, turns)
        second = await engine.evaluate_answer(AnswerBrief(brief.config, asked, MORE, turns))
        outcome["second"] = to_jsonable_python(second)
    return outcome


def question_of(text: str, key_points: Sequence[str], reference: str | None) -> Question:
    """The question as an interview would ask it first."""
    known = _bank_questions().get(fold(text))
    if known is not None and list(key_points) == [point.point for point in known.rubric.key_points]:
        return place_question(known, ())
    rubric = Rubric(tuple(KeyPoint(point) for point in key_points), reference=reference or "")
    return Question(id="q1", text=text, rubric=rubric, competency="")


def is_of_the_bank(question: Question) -> bool:
    """Whether a question is held against the question bank's own rubric."""
    return question.source != ""


def config_of(meta: Mapping[str, Any]) -> InterviewConfig:
    """The interview that an answer is taken to come from."""
    role = meta.get("role")
    return InterviewConfig(
        job_role=role if isinstance(role, str) and role else "Candidate", interview_type="technical"
    )


async def _carry_out_one(brief: AnswerBrief | CoachBrief, engine: Engine) -> object:
    if isinstance(brief, AnswerBrief):
        return await engine.evaluate_answer(brief)
    return await engine.coach_answer(brief.question, brief.answer, brief.framework)


def _other_side(row: AttackRow) -> str:
    return "pair" if row.rule == "pair" else "base" if row.rule != "max" else ""


def _points(question: Question) -> list[str]:
    return [point.point for point in question.rubric.key_points]


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> str:
    kept, place = [], 0
    for start, end in sorted(spans):
        kept.append(text[place:start])
        place = end
    return " ".join(" ".join([*kept, text[place:]]).split())


@cache
def _bank_questions() -> dict[str, QuestionDraft]:
    return {fold(draft.text): draft for draft in all_questions(load_bank())}
