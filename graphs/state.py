"""What a thread of each graph holds, and the context that a run is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from langgraph.channels import DeltaChannel
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from agent.interview import (
    FRAMEWORKS,
    MOST_QUESTIONS,
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

T = TypeVar("T")
Edit = Mapping[str, Any]


def take_edits(kind: type[T]) -> Callable[[T | None, T | Edit | None], T | None]:
    """A channel's reducer: a value replaces what was there, and a person's edit changes the fields it names.

    Edits arrive as JSON. One that does not fit raises `ValueError` and changes nothing; stored, it would make
    the thread unreadable.
    """
    validate = TypeAdapter(kind).validate_python

    def take(old: T | None, new: T | Edit | None) -> T | None:
        return validate(_merge(old, new)) if isinstance(new, Mapping) else new

    return take


def file_turns(turns: list[Turn], writes: Sequence[Sequence[Turn | Edit]]) -> list[Turn]:
    """The turns with those of `writes`, each in the place of its question's id.

    So a turn that is filed again, or edited, replaces itself.
    """
    filed = {turn.question.id: turn for turn in turns}
    for write in writes:
        for given in write:
            turn = _edit_turn(filed, given) if isinstance(given, Mapping) else given
            filed[turn.question.id] = turn
    return list(filed.values())


def _edit_turn(filed: Mapping[str, Turn], edit: Edit) -> Turn:
    question = edit.get("question")
    if not isinstance(question, Mapping) or "id" not in question:
        raise ValueError("expected turns as a list, each with the id of its question")
    return TypeAdapter(Turn).validate_python(_merge(filed.get(question["id"]), edit))


def _merge(old: object, new: object) -> object:
    if not isinstance(new, Mapping):
        return new
    known: Mapping[str, Any] = {}
    if is_dataclass(old) and not isinstance(old, type):
        known = asdict(old)
    elif isinstance(old, Mapping):
        known = old
    return {**known, **{name: _merge(known.get(name), value) for name, value in new.items()}}


@dataclass(frozen=True, slots=True)
class Context:
    """How a run is carried out; an empty field takes the service's setting."""

    model: Annotated[
        str, Field(title="Engine", description="offline, or openai:<model>; empty: INTERVIEWER_MODEL.")
    ] = ""
    seed: Annotated[
        int | None,
        Field(
            ge=0,
            lt=2**31,
            description="Fixes which questions are asked; empty: INTERVIEWER_SEED, or drawn anew.",
        ),
    ] = None
    question_budget: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_QUESTIONS,
            description="Main questions to ask, fixed with the first one; empty: about one in 5 minutes.",
        ),
    ] = None
    stream: Annotated[
        bool, Field(description="Send feedback piece by piece as it is written, in the mode `custom`.")
    ] = False


class InterviewInput(BaseModel):
    """What an interview starts from."""

    job_role: str = Field("Software Engineer", description="The job, in any words.")
    experience_level: str = Field("Mid-level", description="In any words, such as Junior or Senior.")
    skills: list[str] = Field(default=[], description="What to ask about; empty: what the job stands for.")
    interview_type: InterviewType = Field("mixed", description="The kind of questions.")
    duration: int = Field(30, ge=1, le=240, description="Minutes; the clock starts with the first question.")


class InterviewState(InterviewInput):
    """An interview in progress.

    It stays small however long the interview is: `turns`, the only part that grows, is stored as one
    addition a turn and rebuilt from those (a `DeltaChannel`).
    """

    seed: int | None = Field(None, description="Fixes which questions are asked.")
    budget: int | None = Field(None, description="Main questions to ask in all.")
    started_at: datetime | None = Field(
        None, description="When the first question was ready; without it the clock starts with the next one."
    )
    question: Annotated[Question | None, take_edits(Question)] = Field(
        None, description="The open question, with the rubric its answer is held against."
    )
    answer: str | None = Field(None, description="The answer to it.")
    evaluation: Annotated[Evaluation | None, take_edits(Evaluation)] = Field(
        None, description="The grade of that answer, with its evidence."
    )
    draft: Annotated[QuestionDraft | None, take_edits(QuestionDraft)] = Field(
        None, description="The next main question, prepared while the answer was graded."
    )
    route: Annotated[Route | None, take_edits(Route)] = Field(
        None, description="Where the interview went last, and why."
    )
    turns: Annotated[list[Turn], DeltaChannel(file_turns)] = Field(
        default=[], description="What was asked, answered and graded so far."
    )
    summary: Annotated[Summary | None, take_edits(Summary)] = Field(
        None, description="The result, once the interview is over."
    )

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
    answer: str = Field("", description="What the candidate said, word for word.")
    framework: str = Field(
        "STAR",
        description="What the answer is held against.",
        pattern=f"^({'|'.join(FRAMEWORKS)})$",
        json_schema_extra={"enum": list(FRAMEWORKS)},
    )


class CoachingState(CoachingInput):
    """An answer with its coaching."""

    coaching: Coaching | None = Field(None, description="The feedback, part by part.")


class PracticeInput(BaseModel):
    """What to practise."""

    job_role: str = Field("Software Engineer", description="The job, in any words.")
    skill: str = Field("Python", description="The one skill to practise.")
    difficulty: Difficulty = Field("intermediate", description="How hard the question is.")


class PracticeState(PracticeInput):
    """What to practise, with the question found for it."""

    practice: PracticeQuestion | None = Field(None, description="The question with its guidance.")
