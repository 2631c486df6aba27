"""The interview as a domain: its types and its rules, with nothing of ours behind them.

Scores of answers are whole numbers from 0 to 10, an interview's overall score is a whole number from
0 to 100, durations are minutes and instants are UTC. Everything here is a value or a pure function.

The values are pydantic dataclasses, since checkpoints give tuples back as lists and Studio's edits arrive
as dictionaries: both become the declared types where a value is made.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import floor
from statistics import fmean
from typing import Literal, get_args

from pydantic.dataclasses import dataclass

InterviewType = Literal["technical", "behavioral", "system_design", "mixed"]
QuestionType = Literal["technical", "behavioral", "system_design"]
QuestionKind = Literal["main", "follow_up"]
Difficulty = Literal["beginner", "intermediate", "advanced"]
Step = Literal["ask_follow_up", "generate_question", "summarise_interview"]
PartLevel = Literal["Well addressed", "Partially addressed", "Not addressed"]

DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)

FRAMEWORKS: dict[str, tuple[str, ...]] = {
    "STAR": ("situation", "task", "action", "result"),
    "CAR": ("challenge", "action", "result"),
    "PAR": ("problem", "action", "result"),
    "SOAR": ("situation", "obstacle", "action", "result"),
}

MINUTES_PER_QUESTION = 5
FEWEST_QUESTIONS, MOST_QUESTIONS = 2, 48
MOST_FOLLOW_UPS = 2
MOST_FOLLOW_UP_EFFECT = 3
ABANDONED_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class InterviewConfig:
    """What the client asked for; `duration` is in minutes."""

    job_role: str
    experience_level: str = "Mid-level"
    skills: tuple[str, ...] = ()
    interview_type: InterviewType = "mixed"
    duration: int = 30


@dataclass(frozen=True, slots=True)
class KeyPoint:
    """One thing a complete answer says.

    `signals` are phrases any of which shows the point was made; `probe` is the follow-up about it.
    """

    point: str
    signals: tuple[str, ...] = ()
    probe: str = ""


@dataclass(frozen=True, slots=True)
class Rubric:
    """What an answer is held against, fixed before the answer is seen.

    `low`, `middle` and `high` describe answers worth about 2, 5 and 9 points. `reference` is a model answer,
    where there is one; without key points it alone is what an answer is held against.
    """

    key_points: tuple[KeyPoint, ...]
    low: str = ""
    middle: str = ""
    high: str = ""
    reference: str = ""
    version: str = "1"


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """A question that has not been asked yet and so has no id.

    `source` says where it comes from: a question bank id, or the model that wrote it.
    """

    text: str
    rubric: Rubric
    competency: str
    type: QuestionType = "technical"
    difficulty: Difficulty = "intermediate"
    source: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as asked. A follow-up names the main question it belongs to and the `gap` it probes."""

    id: str
    text: str
    rubric: Rubric
    competency: str
    type: QuestionType = "technical"
    difficulty: Difficulty = "intermediate"
    source: str = ""
    kind: QuestionKind = "main"
    parent_id: str | None = None
    gap: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verbatim quote: `answer[start:end] == quote`. `shows` is the key point or part it supports."""

    quote: str
    start: int
    end: int
    shows: str = ""


@dataclass(frozen=True, slots=True)
class CriterionLevel:
    """How far one criterion was met, from 0 (not at all) to 4 (fully)."""

    criterion: str
    level: int


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The follow-up an evaluation would ask about one `gap`, should the interview have room for it."""

    text: str
    gap: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who made an evaluation, so that it can be audited and repeated.

    `cost_usd` is absent where the price is not known; the model fields are absent for the offline engine.
    """

    engine: str
    model_asked: str | None = None
    model_served: str | None = None
    prompt: str | None = None
    rubric_version: str = "1"
    latency_ms: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The judgement of one answer.

    `score` is whole, and `unrounded` is what it was rounded from. `missing` holds the key points that the
    answer leaves out.
    """

    score: int
    feedback: str
    provenance: Provenance
    evidence: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()
    levels: tuple[CriterionLevel, ...] = ()
    declined: bool = False
    follow_up: FollowUp | None = None
    unrounded: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with what the candidate made of it so far."""

    question: Question
    answer: str | None = None
    evaluation: Evaluation | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where the interview goes next and why; the reason is for people who debug a flow."""

    step: Step
    reason: str


@dataclass(frozen=True, slots=True)
class SummaryText:
    """The worded half of a summary; the numbers are computed."""

    strengths: tuple[str, ...]
    areas_for_improvement: tuple[str, ...]
    recommendations: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of an interview. `ungraded` lists ids of questions answered but never graded."""

    overall_score: int
    strengths: tuple[str, ...]
    areas_for_improvement: tuple[str, ...]
    recommendations: str
    answered: int
    ungraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartFeedback:
    """What one part of a coaching framework looks like in an answer."""

    part: str
    level: PartLevel
    comment: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Coaching:
    """Feedback on one answer by a framework; `parts` are in the framework's order."""

    overall: str
    parts: tuple[PartFeedback, ...]
    improvements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PracticeQuestion:
    """A question to practise on, with what a good answer holds and how to order it."""

    text: str
    key_points: tuple[str, ...]
    structure: str


@dataclass(frozen=True, slots=True)
class Topic:
    """A main question with its follow-ups."""

    main: Turn
    follow_ups: tuple[Turn, ...] = ()


def question_budget(duration: int) -> int:
    """How many main questions fit into `duration` minutes: about one in five minutes, from 2 to 48."""
    return min(max(_round_half_up(duration / MINUTES_PER_QUESTION), FEWEST_QUESTIONS), MOST_QUESTIONS)


def starting_difficulty(experience_level: str) -> Difficulty:
    """The difficulty that a free-text experience level starts at; unknown wording starts in the middle."""
    level = experience_level.casefold()
    if re.search(
        r"\b(intern\w*|junior|jr|entry|trainee|graduate|beginner|apprentice|student|novice)\b", level
    ):
        return "beginner"
    if re.search(
        r"\b(senior|sr|lead|staff|principal|expert|head|architect|director|advanced|chief)\b", level
    ):
        return "advanced"
    return "intermediate"


def next_difficulty(experience_level: str, turns: Iterable[Turn]) -> Difficulty:
    """The difficulty of the next main question.

    It begins at the experience level's, rises one step after a topic worth 8 or more and falls one step
    after a topic worth 3 or less, within the three steps there are.
    """
    step = DIFFICULTIES.index(starting_difficulty(experience_level))
    for topic in topics_of(turns):
        score = topic_score(topic)
        if score is not None and score >= 8:
            step = min(step + 1, len(DIFFICULTIES) - 1)
        elif score is not None and score <= 3:
            step = max(step - 1, 0)
    return DIFFICULTIES[step]


def topics_of(turns: Iterable[Turn]) -> list[Topic]:
    """The turns grouped by main question, in the order they were asked."""
    groups: dict[str, list[Turn]] = {}
    for turn in turns:
        groups.setdefault(turn.question.parent_id or turn.question.id, []).append(turn)
    return [Topic(main=group[0], follow_ups=tuple(group[1:])) for group in groups.values()]


def topic_score(topic: Topic) -> float | None:
    """What a topic is worth, 0 to 10, or nothing while its main answer has no grade.

    It is the main answer's score, moved towards the mean of the graded follow-ups: half the way up, or a
    quarter of the way down (the gap they probe was already missed once), by at most 3 points.
    """
    if topic.main.evaluation is None:
        return None
    main = topic.main.evaluation.score
    scores = [turn.evaluation.score for turn in topic.follow_ups if turn.evaluation is not None]
    if not scores:
        return float(main)
    distance = fmean(scores) - main
    effect = distance / 2 if distance > 0 else distance / 4
    return main + min(max(effect, -MOST_FOLLOW_UP_EFFECT), MOST_FOLLOW_UP_EFFECT)


def overall_score(turns: Iterable[Turn]) -> int:
    """Ten times the mean over the graded topics, rounded half up; 0 when nothing was graded."""
    scores = [score for topic in topics_of(turns) if (score := topic_score(topic)) is not None]
    return _round_half_up(10 * fmean(scores)) if scores else 0


def choose_route(turns: Sequence[Turn], budget: int, *, time_is_up: bool) -> Route:
    """Where to go after the last of `turns` was evaluated."""
    last = turns[-1]
    evaluation = last.evaluation
    topic = topics_of(turns)[-1]
    mains = sum(turn.question.kind == "main" for turn in turns)
    if time_is_up:
        return Route("summarise_interview", "the time is up")
    if evaluation is not None and evaluation.declined:
        refusal = "the candidate declined"
    elif evaluation is None or evaluation.follow_up is None:
        refusal = "the evaluation proposes no follow-up"
    elif len(topic.follow_ups) >= MOST_FOLLOW_UPS:
        refusal = f"{MOST_FOLLOW_UPS} follow-ups were asked"
    elif was_probed(evaluation.follow_up.gap, topic):
        refusal = "the gap was already probed"
    else:
        return Route("ask_follow_up", f"the answer leaves out: {evaluation.follow_up.gap}")
    if mains >= budget:
        return Route("summarise_interview", f"{refusal}, and all {budget} questions were asked")
    return Route("generate_question", f"{refusal}; question {mains + 1} of {budget} comes next")


def was_probed(gap: str, topic: Topic) -> bool:
    """Whether a follow-up of this topic already asked about the gap."""
    return any(fold(turn.question.gap or "") == fold(gap) for turn in topic.follow_ups)


def time_is_up(started_at: datetime | None, duration: int, now: datetime) -> bool:
    """Whether `duration` minutes have passed since the first question was ready."""
    return started_at is not None and now >= started_at + timedelta(minutes=duration)


def place_question(draft: QuestionDraft, turns: Sequence[Turn]) -> Question:
    """The draft as the next main question, with its id."""
    return Question(
        id=f"q{len(turns) + 1}",
        text=draft.text,
        rubric=draft.rubric,
        competency=draft.competency,
        type=draft.type,
        difficulty=draft.difficulty,
        source=draft.source,
    )


def place_follow_up(follow_up: FollowUp, turns: Sequence[Turn]) -> Question:
    """The follow-up as the next question, held against the part of the rubric that it probes."""
    parent = topics_of(turns)[-1].main.question
    probed = tuple(point for point in parent.rubric.key_points if fold(point.point) == fold(follow_up.gap))
    return Question(
        id=f"q{len(turns) + 1}",
        text=follow_up.text,
        rubric=Rubric(key_points=probed or (KeyPoint(follow_up.gap),), version=parent.rubric.version),
        competency=parent.competency,
        type=parent.type,
        difficulty=parent.difficulty,
        source=parent.source,
        kind="follow_up",
        parent_id=parent.id,
        gap=follow_up.gap,
    )


def summarise(turns: Sequence[Turn], text: SummaryText) -> Summary:
    """The summary: the engine's words beside the computed numbers."""
    return Summary(
        overall_score=overall_score(turns),
        strengths=text.strengths,
        areas_for_improvement=text.areas_for_improvement,
        recommendations=text.recommendations,
        answered=sum(turn.answer is not None for turn in turns),
        ungraded=tuple(t.question.id for t in turns if t.answer is not None and t.evaluation is None),
    )


def answer_id(question_id: str) -> str:
    """The id of the answer to a question: `a1` for `q1`."""
    return "a" + question_id.removeprefix("q")


def fold(text: str) -> str:
    """The text as compared when two questions or gaps count as the same: case, marks and spacing aside."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(words)


def _round_half_up(value: float) -> int:
    return floor(value + 0.5)
