"""What a thread of each graph holds, and the context that a run is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from langgraph.channels import DeltaChannel
from pydantic import BaseModel, Field

from agent.interview import (
    Coaching,
    Difficulty,
    Evaluation,
    InterviewConfig,
    InterviewType,
    PracticeQuestion,
    Question,
    QuestionDraft,
    Route,
    Summary,
    Turn,
)


def append_turns(turns: list[Turn], writes: Sequence[list[Turn]]) -> list[Turn]:
    """The graded turns with those of `writes` behind them."""
    return [*turns, *(turn for write in writes for turn in write)]


@dataclass(frozen=True, slots=True)
class Context:
    """How a run is carried out; an empty field takes the service's setting."""

    model: str = ""
    seed: int | None = None
    question_budget: int | None = None


class InterviewInput(BaseModel):
    """What an interview starts from."""

    job_role: str = "Software Engineer"
    experience_level: str = "Mid-level"
    skills: list[str] = Field(default_factory=list)
    interview_type: InterviewType = "mixed"
    duration: int = Field(30, description="minutes")


class InterviewState(InterviewInput):
    """An interview in progress.

    It stays small however long the interview is: `turns`, the only part that grows, is stored as one
    addition a turn and rebuilt from those (a `DeltaChannel`).
    """

    seed: int | None = None
    budget: int | None = None
    started_at: datetime | None = None
    question: Question | None = None
    answer: str | None = None
    evaluation: Evaluation | None = None
    draft: QuestionDraft | None = None
    route: Route | None = None
    turns: Annotated[list[Turn], DeltaChannel(append_turns)] = Field(default_factory=list)
    summary: Summary | None = None

    @property
    def config(self) -> InterviewConfig:
        """The configuration as the rules and engines know it."""
        return InterviewConfig(
            job_role=self.job_role,
            experience_level=self.experience_level,
            skills=tuple(self.skills),
            interview_type=self.interview_type,
            duration=self.duration,
        )


class CoachingInput(BaseModel):
    """An answer to be coached."""

    question: str = "Tell me about a time you faced a difficult technical challenge."
    answer: str = ""
    framework: str = "STAR"


class CoachingState(CoachingInput):
    """An answer with its coaching."""

    coaching: Coaching | None = None


class PracticeInput(BaseModel):
    """What to practise."""

    job_role: str = "Software Engineer"
    skill: str = "Python"
    difficulty: Difficulty = "intermediate"


class PracticeState(PracticeInput):
    """What to practise, with the question found for it."""

    practice: PracticeQuestion | None = None
