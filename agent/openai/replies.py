"""Replies read leniently: what fits is used, and what does not is left out or completed."""

from agent.evidence import find_quote
from agent.interview import (
    FRAMEWORKS,
    Coaching,
    KeyPoint,
    PartFeedback,
    PracticeQuestion,
    Rubric,
    SummaryText,
)
from agent.openai.fields import (
    Unfit,
    is_apology,
    read_choice,
    read_object,
    read_prose,
    read_text,
    read_texts,
)
from agent.openai.schemas import PART_LEVELS, POINTS_ASKED, Fields, point_names

MOST_ITEMS = 5


class Blank(Unfit):
    """A reply of the right shape that says nothing."""


def read_question(fields: Fields) -> tuple[str, str, Rubric]:
    """The competency, the question and its rubric. Raises `Unfit` without a question or any key point."""
    text = read_text(fields, "question", 800)
    if fields.get("question") is not None and not text:
        raise Blank("the field `question` was empty")
    if not text or is_apology(text):
        raise Unfit("the field `question` did not hold a question")
    texts = read_object(fields, "key_points")
    points = (read_text(texts, name, 300) for name in point_names(POINTS_ASKED))
    rubric = Rubric(
        key_points=tuple(KeyPoint(point) for point in dict.fromkeys(points) if point),
        low=read_text(fields, "low", 500),
        middle=read_text(fields, "middle", 500),
        high=read_text(fields, "high", 500),
    )
    if not rubric.key_points:
        raise Blank("the fields of `key_points` were empty")
    return read_text(fields, "competency", 80) or "professional knowledge", text, rubric


def read_summary(fields: Fields, computed: SummaryText) -> SummaryText:
    """The words of the summary; a field that is not usable is taken from the computed ones."""
    strengths = read_texts(fields, "strengths", 600)
    areas = read_texts(fields, "areas_for_improvement", 600)
    return SummaryText(
        strengths=computed.strengths if strengths is None else strengths[:MOST_ITEMS],
        areas_for_improvement=(areas or computed.areas_for_improvement)[:MOST_ITEMS],
        recommendations=read_prose(fields, "recommendations", 3_000) or computed.recommendations,
    )


def read_coaching(fields: Fields, answer: str, framework: str) -> Coaching:
    """The coaching; a part that was left out is "Not addressed". Raises `Unfit` if no part can be read."""
    given = read_object(fields, "parts")
    names = FRAMEWORKS[framework]
    if not any(read_choice(read_object(given, name), "level", PART_LEVELS) for name in names):
        raise Unfit("the levels of the parts were missing")
    parts = tuple(_read_part(read_object(given, name), name, answer) for name in names)
    unfinished = [part for part in parts if part.level != "Well addressed"]
    improvements = read_texts(fields, "improvements", 600) or tuple(
        f"Say more about the {part.part}, so that nobody has to ask about it." for part in unfinished
    )
    done = len(parts) - len(unfinished)
    overall = read_prose(fields, "overall", 2_000)
    return Coaching(
        overall=overall or f"{done} of {len(parts)} parts of {framework} are well addressed.",
        parts=parts,
        improvements=improvements[:MOST_ITEMS] or ("Practise telling it in under three minutes.",),
    )


def read_practice(fields: Fields) -> PracticeQuestion:
    """The practice question. Raises `Unfit` without a question or key points."""
    _, text, rubric = read_question(fields)
    structure = read_text(fields, "structure", 1_000)
    points = tuple(point.point for point in rubric.key_points)
    return PracticeQuestion(
        text, points, structure or "Take the key points in their order, with an example each."
    )


def _read_part(field: Fields, name: str, answer: str) -> PartFeedback:
    level = read_choice(field, "level", PART_LEVELS) or "Not addressed"
    comment = read_text(field, "comment", 1_000) or f"The {name} needs a sentence or two of its own."
    known = next((each for each in PART_LEVELS if comment.casefold().startswith(each.casefold())), None)
    told = comment[len(known) :].lstrip(" .,:;–—-") if known else comment
    quote = find_quote(answer, read_text(field, "quote", 1_000), name)
    found = (quote,) if quote and level != "Not addressed" else ()
    return PartFeedback(name, level, f"{level}. {told}".strip(), found)
