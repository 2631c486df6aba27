"""A second engine behind the first."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from agent.deadline import seconds_left, time_limit
from agent.engine import AnswerBrief, Engine, FeedbackWriter, QuestionBrief
from agent.errors import EngineFailed
from agent.interview import (
    Coaching,
    Difficulty,
    Evaluation,
    InterviewConfig,
    PracticeQuestion,
    QuestionDraft,
    SummaryText,
    Turn,
)

T = TypeVar("T")

log = structlog.get_logger()


class FallbackEngine:
    """Does what the first engine does; where that fails, the second does it under its own name."""

    def __init__(self, first: Engine, second: Engine, seconds: float) -> None:
        self._first = first
        self._second = second
        self._seconds = seconds
        self.name = first.name
        self.drafts_ahead = first.drafts_ahead

    async def close(self) -> None:
        """Close both engines."""
        try:
            await self._first.close()
        finally:
            await self._second.close()

    async def generate_question(self, brief: QuestionBrief) -> QuestionDraft:
        """The next main question by whichever engine can."""
        return await self._try(lambda engine: engine.generate_question(brief))

    async def evaluate_answer(self, brief: AnswerBrief, write: FeedbackWriter | None = None) -> Evaluation:
        """The grade by whichever engine can; only the first one's feedback is streamed."""
        return await self._try(
            lambda engine: engine.evaluate_answer(brief, write if engine is self._first else None)
        )

    async def summarise_interview(self, config: InterviewConfig, turns: tuple[Turn, ...]) -> SummaryText:
        """The words of the summary by whichever engine can."""
        return await self._try(lambda engine: engine.summarise_interview(config, turns))

    async def coach_answer(self, question: str, answer: str, framework: str) -> Coaching:
        """Feedback by whichever engine can."""
        return await self._try(lambda engine: engine.coach_answer(question, answer, framework))

    async def practice_question(
        self, job_role: str, skill: str, difficulty: Difficulty, seed: int
    ) -> PracticeQuestion:
        """A question to practise on by whichever engine can."""
        return await self._try(lambda engine: engine.practice_question(job_role, skill, difficulty, seed))

    async def _try(self, work: Callable[[Engine], Awaitable[T]]) -> T:
        """Let the first engine work for half of the time there is, so that the second has the other half."""
        with time_limit(self._seconds):
            try:
                with time_limit(seconds_left() / 2):
                    return await work(self._first)
            except EngineFailed as error:
                log.warning("fell_back", engine=self._second.name, fact=str(error))
            return await work(self._second)
