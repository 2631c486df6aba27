"""The one protocol behind which a language model and the offline engine are the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agent.interview import (
    Coaching,
    Difficulty,
    Evaluation,
    InterviewConfig,
    PracticeQuestion,
    Question,
    QuestionDraft,
    SummaryText,
    Turn,
)

FeedbackWriter = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class QuestionBrief:
    """What an engine knows when it asks.

    `turns` is the interview so far, `number` counts main questions from 1.
    """

    config: InterviewConfig
    seed: int
    number: int
    budget: int
    difficulty: Difficulty
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerBrief:
    """What an engine knows when it grades: `turns` is the interview before this question."""

    config: InterviewConfig
    question: Question
    answer: str
    turns: tuple[Turn, ...] = ()


class Engine(Protocol):
    """Asks, grades, sums up and coaches; it raises `EngineFailed` rather than making something up."""

    @property
    def name(self) -> str:
        """`offline`, or `openai:<model>`."""

    @property
    def drafts_ahead(self) -> bool:
        """Whether asking costs a round trip, so that drafting while an answer is evaluated pays."""

    async def generate_question(self, brief: QuestionBrief) -> QuestionDraft:
        """The next main question with its rubric; never one that `brief.turns` holds."""

    async def evaluate_answer(self, brief: AnswerBrief, write: FeedbackWriter | None = None) -> Evaluation:
        """The grade of one answer; `write` receives the feedback as it is written, where it is."""

    async def summarise_interview(self, config: InterviewConfig, turns: tuple[Turn, ...]) -> SummaryText:
        """The words of the summary, from the graded turns."""

    async def coach_answer(self, question: str, answer: str, framework: str) -> Coaching:
        """Feedback by a framework of `FRAMEWORKS`, one part each, in its order."""

    async def practice_question(
        self, job_role: str, skill: str, difficulty: Difficulty, seed: int
    ) -> PracticeQuestion:
        """A question to practise on with guidance; the same seed gives the same question."""

    async def close(self) -> None:
        """Let go of what is held open; nothing can be asked of this engine afterwards."""
