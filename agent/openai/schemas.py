"""The shapes that replies are asked for in: one named field for each part that is relied on.

Only what every endpoint's strict mode knows is used (objects, strings, booleans, enums, plain arrays), and a
shape does not vary from turn to turn, so that the provider compiles and caches it once.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from agent.interview import FRAMEWORKS, PartLevel

Fields = dict[str, Any]

COVERAGES = ("made", "partly", "not made")
LEVELS = ("none", "weak", "partial", "solid", "strong")
CRITERIA = ("correctness", "depth", "specificity", "clarity")
PART_LEVELS: tuple[PartLevel, ...] = get_args(PartLevel)
POINTS_ASKED = 4


@dataclass(frozen=True, slots=True)
class Schema:
    """A named shape."""

    name: str
    body: Fields


@cache
def question_schema() -> Schema:
    """A main question with its rubric."""
    points = {name: _text("What a complete answer says.") for name in point_names(POINTS_ASKED)}
    return Schema(
        "interview_question",
        _object(
            competency=_text("Two to five words."),
            question=_text("The question as it is put to the candidate."),
            key_points=_object(**points),
            low=_text("An answer worth 2 of 10."),
            middle=_text("An answer worth 5 of 10."),
            high=_text("An answer worth 9 of 10."),
        ),
    )


@cache
def evaluation_schema(points: int) -> Schema:
    """The evaluation of an answer by a rubric of so many key points; evidence stands before judgement."""
    point = _object(quote=_text("Words copied from the answer, or empty."), coverage=_one_of(*COVERAGES))
    criterion = _object(observation=_text("One short clause."), level=_one_of(*LEVELS))
    names = point_names(points)
    coverage = {"key_points": _object(**dict.fromkeys(names, point))} if points else {}
    return Schema(
        "answer_evaluation",
        _object(
            **coverage,
            declined={"type": "boolean", "description": "The candidate did not try to answer."},
            feedback=_text("Two to four sentences to the candidate."),
            criteria=_object(**dict.fromkeys(CRITERIA, criterion)),
            follow_up=_object(
                gap=_one_of("none", "other", *names),
                gap_in_words=_text("At most eight words, or empty."),
                question=_text("The follow-up question, or empty."),
            ),
        ),
    )


@cache
def summary_schema() -> Schema:
    """The words of a summary."""
    return Schema(
        "interview_summary",
        _object(
            strengths=_texts("Up to four, best first."),
            areas_for_improvement=_texts("Up to four, most important first."),
            recommendations=_text("Three to five sentences."),
        ),
    )


@cache
def coaching_schema(framework: str) -> Schema:
    """The coaching by a framework of `FRAMEWORKS`."""
    part = _object(
        quote=_text("Words copied from the answer, or empty."),
        comment=_text("One or two sentences."),
        level=_one_of(*PART_LEVELS),
    )
    return Schema(
        f"coaching_{framework.lower()}",
        _object(
            parts=_object(**dict.fromkeys(FRAMEWORKS[framework], part)),
            overall=_text("Two or three sentences."),
            improvements=_texts("Three to five instructions, most effective first."),
        ),
    )


@cache
def practice_schema() -> Schema:
    """A practice question with guidance."""
    points = {name: _text("What a strong answer says.") for name in point_names(POINTS_ASKED)}
    return Schema(
        "practice_question",
        _object(
            question=_text("The question."),
            key_points=_object(**points),
            structure=_text("How to order the answer, in two or three sentences."),
        ),
    )


def point_names(count: int) -> tuple[str, ...]:
    """The names of so many key point fields, from `point_1`."""
    return tuple(f"point_{number}" for number in range(1, count + 1))


def _object(**fields: Fields) -> Fields:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _text(description: str) -> Fields:
    return {"type": "string", "description": description}


def _one_of(*values: str) -> Fields:
    return {"type": "string", "enum": list(values)}


def _texts(description: str) -> Fields:
    return {"type": "array", "items": {"type": "string"}, "description": description}
