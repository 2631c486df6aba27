"""Model engines on a provider's double, and an interview for them to work on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from provider import Provider
from provider_wire import Json
from pydantic import SecretStr

from agent.engine import AnswerBrief, QuestionBrief
from agent.interview import (
    Evaluation,
    FollowUp,
    InterviewConfig,
    KeyPoint,
    Provenance,
    Question,
    Rubric,
    Turn,
)
from agent.openai.engine import OpenAIEngine
from agent.settings import Settings

T = TypeVar("T")

CONFIG = InterviewConfig("Python Developer", "Senior", ("Python", "SQL"), "technical", 60)
POINTS = (
    "A generator yields one item at a time",
    "Memory use stays small",
    "It can be iterated only once",
    "It pauses at each yield",
)
RUBRIC = Rubric(tuple(map(KeyPoint, POINTS)), low="Names it.", middle="Says how.", high="Says why.")
QUESTION = Question(
    "q1", "How does a generator differ from a list?", RUBRIC, "Generators in Python", source="openai:test"
)
ANSWER = "A generator yields one item at a time, so memory use stays small even for huge files."


def settings_for(url: str, seconds: float = 5.0) -> Settings:
    """The settings of a process whose model is at an address."""
    return Settings.model_validate({
        "model": "openai:test",
        "OPENAI_BASE_URL": url,
        "OPENAI_API_KEY": SecretStr("sk-test"),
        "model_timeout_seconds": seconds,
    })  # fmt: skip


def with_engine(
    url: str, work: Callable[[OpenAIEngine], Awaitable[T]], model: str = "test", seconds: float = 5.0
) -> T:
    """What some work with a new engine comes to."""

    async def run() -> T:
        engine = OpenAIEngine(model, settings_for(url, seconds))
        try:
            return await work(engine)
        finally:
            await engine.close()

    return asyncio.run(run())


def evaluate(provider: Provider, answer: str = ANSWER, question: Question = QUESTION) -> Evaluation:
    """The evaluation of an answer."""
    brief = AnswerBrief(CONFIG, question, answer)
    return with_engine(provider.url, lambda engine: engine.evaluate_answer(brief))


def brief_after(turns: int, answer: str = ANSWER) -> QuestionBrief:
    """The brief of the question after so many topics; the last one is not graded yet."""
    asked = [make_turn(number, answer) for number in range(1, turns + 1)]
    if asked:
        asked[-1] = replace(asked[-1], evaluation=None)
    return QuestionBrief(CONFIG, 7, turns + 1, 48, "advanced", tuple(asked))


def make_turn(number: int, answer: str = ANSWER) -> Turn:
    """A graded topic."""
    question = replace(QUESTION, id=f"q{number}", text=f"How does part {number} of Python behave under load?")
    return Turn(question, answer, make_evaluation())


def make_evaluation(score: int = 6, missing: tuple[str, ...] = POINTS[2:]) -> Evaluation:
    """An evaluation that proposes a follow-up."""
    follow_up = FollowUp("How often can you iterate over it?", POINTS[2])
    return Evaluation(
        score, "You said how it works.", Provenance("offline"), missing=missing, follow_up=follow_up
    )


def reply(coverages: tuple[str, ...] = ("made", "made", "not made", "not made"), **changes: object) -> Json:
    """A sensible reply of a model to ANSWER."""
    quotes = ("yields one item at a time", "memory use stays small", "", "")
    points = {
        f"point_{n}": {"quote": quote, "coverage": coverage}
        for n, (quote, coverage) in enumerate(zip(quotes, coverages, strict=True), start=1)
    }
    criteria = {
        name: {"observation": "seen", "level": level}
        for name, level in {
            "correctness": "solid", "depth": "partial", "specificity": "weak", "clarity": "strong",
        }.items()
    }  # fmt: skip
    follow_up = {"gap": "point_3", "gap_in_words": "", "question": "How often can you iterate over it?"}
    fields: Json = {
        "key_points": points,
        "declined": False,
        "feedback": "You explained laziness.",
        "criteria": criteria,
        "follow_up": follow_up,
    }
    return fields | changes
