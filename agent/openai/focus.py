"""What each main question is about, laid out by rule so that many of them do not come back to one thing."""

from dataclasses import dataclass

from agent.engine import QuestionBrief
from agent.interview import QuestionType

_OCCASIONS = (
    "owning a result", "a disagreement at work", "learning from a mistake", "working under time pressure",
    "explaining something difficult", "deciding with little information", "improving how things are done",
    "helping or leading others", "taking criticism", "keeping quality when it was inconvenient",
    "changing course", "dealing with a dissatisfied customer or colleague",
)  # fmt: skip
_ASPECTS = (
    "how it works and why", "applying it to a task at work", "finding the cause of a fault",
    "choosing between alternatives", "limits, failure and risk", "checking quality and results",
)  # fmt: skip
_DESIGN_ASPECTS = (
    "the main parts and how data flows between them", "growth by a factor of ten", "failure and recovery",
    "consistency and correctness", "cost and simplicity", "security and privacy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Focus:
    """The kind of question, what it is about, and from which side."""

    type: QuestionType
    subject: str
    aspect: str


def choose_focus(brief: QuestionBrief, number: int) -> Focus:
    """The focus of main question `number`, counted from 1; the brief's seed shifts where the rounds begin.

    Skills take turns, and each time a skill comes round it is asked about from another side. In a mixed
    interview every third question is behavioral, beginning with the second.
    """
    config = brief.config
    kind: QuestionType = _mixed(number) if config.interview_type == "mixed" else config.interview_type
    behavioral = sum(_mixed(n) == "behavioral" for n in range(1, number))
    place = number - 1
    if config.interview_type == "mixed":
        place = behavioral if kind == "behavioral" else place - behavioral
    if kind == "behavioral":
        occasion = _OCCASIONS[(brief.seed + place) % len(_OCCASIONS)]
        return Focus(kind, "behaviour at work", f"{occasion}, in the work of this role")
    subjects = config.skills or ("the core work of this role",)
    aspects = _DESIGN_ASPECTS if kind == "system_design" else _ASPECTS
    rounds, turn = divmod(place, len(subjects))
    return Focus(kind, subjects[turn], aspects[(brief.seed + rounds + turn) % len(aspects)])


def _mixed(number: int) -> QuestionType:
    return "behavioral" if number % 3 == 2 else "technical"
