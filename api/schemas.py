"""The contract's bodies: what is accepted, checked strictly, and what is returned."""

from datetime import datetime, timedelta
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from agent.interview import (
    FRAMEWORKS,
    Coaching,
    CriterionLevel,
    Difficulty,
    Evidence,
    InterviewConfig,
    InterviewType,
    Provenance,
    QuestionKind,
    answer_id,
    question_budget,
    topics_of,
)
from graphs.interviewer import AnswerResult
from graphs.records import Interview

T = TypeVar("T")

LONGEST_NAME, LONGEST_QUESTION, LONGEST_ANSWER = 200, 2_000, 20_000
MOST_SKILLS = 20
ALWAYS_SENT = ConfigDict(json_schema_serialization_defaults_required=True)  # also what has a default
NOT_BLANK: dict[str, JsonValue] = {"minLength": 1, "pattern": r"\S"}


def clean_text(text: str) -> str:
    """The text as it is stored and compared; refuses what is blank or no Unicode."""
    if not text.strip():
        raise ValueError("must not be empty or only white space")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds half of a surrogate pair, which is no Unicode text")
    return text.replace("\x00", "\ufffd")


def check_framework(framework: str) -> str:
    """The framework's name as the rules know it; refuses unknown ones and lists the known."""
    if framework.upper() not in FRAMEWORKS:
        raise ValueError(f"unknown framework; expected one of {', '.join(FRAMEWORKS)}")
    return framework.upper()


def read_whole(value: object) -> object:
    """A number such as 30.0 as the whole number that it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Name = Annotated[str, Field(max_length=LONGEST_NAME, json_schema_extra=NOT_BLANK), AfterValidator(clean_text)]
QuestionText = Annotated[
    str, Field(max_length=LONGEST_QUESTION, json_schema_extra=NOT_BLANK), AfterValidator(clean_text)
]
AnswerText = Annotated[
    str, Field(max_length=LONGEST_ANSWER, json_schema_extra=NOT_BLANK), AfterValidator(clean_text)
]
QuestionId = Annotated[str, Field(max_length=20, json_schema_extra=NOT_BLANK), AfterValidator(clean_text)]
Framework = Annotated[
    str, Field(json_schema_extra={"enum": list(FRAMEWORKS)}), AfterValidator(check_framework)
]
Minutes = Annotated[int, BeforeValidator(read_whole)]


class Request(BaseModel):
    """A body that is taken literally: no unknown fields, no converted types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CreateInterview(Request):
    """What to interview about."""

    job_role: Name
    experience_level: Name = "Mid-level"
    skills: list[Name] = Field(default=[], max_length=MOST_SKILLS)
    interview_type: InterviewType = "mixed"
    duration: Minutes = Field(30, ge=1, le=240, description="Whole minutes.")

    def to_config(self) -> InterviewConfig:
        """The configuration as the rules know it."""
        return InterviewConfig(
            self.job_role, self.experience_level, tuple(self.skills), self.interview_type, self.duration
        )


class SubmitAnswer(Request):
    """The answer to a question of an interview."""

    question_id: QuestionId
    answer: AnswerText


class RequestFeedback(Request):
    """An answer to be coached."""

    question: QuestionText
    answer: AnswerText
    framework: Framework = "STAR"


class RequestPractice(Request):
    """What to practise."""

    job_role: Name
    skill: Name
    difficulty: Difficulty = "intermediate"


class Success(BaseModel, Generic[T]):
    """The envelope of every success."""

    model_config = ALWAYS_SENT

    status: Literal["success"] = "success"
    data: T


class ErrorBody(BaseModel):
    """What went wrong."""

    code: Literal["invalid_request", "unauthorized", "not_found", "server_error", "rate_limited"]
    message: str
    details: dict[str, object]


class Failure(BaseModel):
    """The envelope of every error."""

    model_config = ALWAYS_SENT

    status: Literal["error"] = "error"
    error: ErrorBody


class Shown(BaseModel):
    """What is shown of a value of the domain: the fields of the same names."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, value: object) -> Self:
        """The value as the contract shows it."""
        return cls.model_validate(value)


class ConfigData(Shown):
    """The configuration as it was sent, defaults filled in."""

    job_role: str
    experience_level: str
    skills: list[str]
    interview_type: InterviewType
    duration: int


class QuestionData(Shown):
    """A question; a follow-up names its main question."""

    id: str
    text: str
    kind: QuestionKind
    parent_id: str | None
    competency: str


class EvaluationData(Shown):
    """The grade of an answer, 0 to 10, with what it rests on."""

    score: int = Field(ge=0, le=10)
    feedback: str
    evidence: list[Evidence]
    missing: list[str]
    levels: list[CriterionLevel]
    provenance: Provenance


class SummaryData(Shown):
    """The end of an interview; the overall score is from 0 to 100."""

    overall_score: int = Field(ge=0, le=100)
    strengths: list[str]
    areas_for_improvement: list[str]
    recommendations: str
    answered: int
    ungraded: list[str]


class TurnData(Shown):
    """One question with its answer and grade, in a completed interview."""

    question: QuestionData
    answer: str | None
    evaluation: EvaluationData | None


class Progress(BaseModel):
    """How far an interview is; `ends_at` is when no further question is asked."""

    questions_asked: int
    questions_planned: int
    ends_at: datetime | None

    @classmethod
    def of(cls, interview: Interview) -> Self:
        """The progress in main questions."""
        length = timedelta(minutes=interview.config.duration)
        return cls(
            questions_asked=len(topics_of(interview.turns)),
            questions_planned=question_budget(interview.config.duration),
            ends_at=interview.started_at + length if interview.started_at else None,
        )


class CreatedData(BaseModel):
    """A new interview."""

    model_config = ALWAYS_SENT

    interview_id: str
    created_at: datetime
    status: Literal["created"] = "created"
    config: ConfigData


class InterviewData(BaseModel):
    """An interview as it stands; `summary` and `turns` are there once it is completed."""

    model_config = ALWAYS_SENT

    interview_id: str
    created_at: datetime
    status: Literal["created", "in_progress", "completed"]
    config: ConfigData
    current_question: QuestionData | None
    progress: Progress
    summary: SummaryData | None = None
    turns: list[TurnData] | None = None

    @classmethod
    def of(cls, interview: Interview) -> Self:
        """The interview as the contract shows it."""
        over = interview.status == "completed"
        return cls(
            interview_id=interview.id,
            created_at=interview.created_at,
            status=interview.status,
            config=ConfigData.of(interview.config),
            current_question=QuestionData.of(interview.current.question) if interview.current else None,
            progress=Progress.of(interview),
            summary=SummaryData.of(interview.summary) if interview.summary else None,
            turns=[TurnData.of(turn) for turn in interview.turns] if over else None,
        )


class AnswerData(BaseModel):
    """What became of an answer; `next_question` is null when the interview is over."""

    answer_id: str
    evaluation: EvaluationData
    next_question: QuestionData | None

    @classmethod
    def of(cls, result: AnswerResult) -> Self:
        """The result as the contract shows it."""
        following = QuestionData.of(result.next_question) if result.next_question else None
        return cls(
            answer_id=answer_id(result.question_id),
            evaluation=EvaluationData.of(result.evaluation),
            next_question=following,
        )


class EndedData(BaseModel):
    """An interview that is over."""

    model_config = ALWAYS_SENT

    interview_id: str
    status: Literal["completed"] = "completed"
    summary: SummaryData


class FeedbackData(BaseModel):
    """Coaching: `framework_analysis` has exactly the framework's parts, `evidence` the quotes for each."""

    overall: str
    framework_analysis: dict[str, str]
    improvements: list[str]
    evidence: dict[str, list[Evidence]]

    @classmethod
    def of(cls, coaching: Coaching) -> Self:
        """The coaching as the contract shows it; each part's text begins with its level."""
        return cls(
            overall=coaching.overall,
            framework_analysis={part.part: part.comment for part in coaching.parts},
            improvements=list(coaching.improvements),
            evidence={part.part: list(part.evidence) for part in coaching.parts},
        )


class CoachedData(BaseModel):
    """The coaching of one answer."""

    feedback: FeedbackData


class PracticeQuestionData(BaseModel):
    """A question to practise on."""

    id: str
    text: str


class GuidanceData(BaseModel):
    """What a good answer holds, and how to order it."""

    key_points: list[str]
    structure: str


class PracticeData(BaseModel):
    """A practice question with its guidance."""

    question: PracticeQuestionData
    guidance: GuidanceData
