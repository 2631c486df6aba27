"""Evaluations read from a model's reply: what fits is used, and no score is made up.

The score is computed here from the levels: ten times their weighted mean out of 4 (coverage of the key points
40 %, correctness 30 %, depth 15 %, specificity 10 %, clarity 5 %), rounded half up, and at most 2 + 2 × the
level of correctness, since a wrong answer is not redeemed by being clear. A key point that the model calls
made without words to show for it counts as made in part.
"""

import re
from dataclasses import dataclass
from math import floor

from agent.engine import AnswerBrief
from agent.evidence import find_quote, without_repeats
from agent.interview import CriterionLevel, Evaluation, Evidence, FollowUp, KeyPoint, Provenance, fold
from agent.openai.digest import MOST_POINTS, find_topic, open_gaps, probed_gaps
from agent.openai.fields import (
    Unfit,
    is_apology,
    read_choice,
    read_level,
    read_object,
    read_prose,
    read_text,
)
from agent.openai.schemas import COVERAGES, CRITERIA, Fields, point_names

WEIGHTS = {"coverage": 0.40, "correctness": 0.30, "depth": 0.15, "specificity": 0.10, "clarity": 0.05}
ENOUGH_WEIGHT = 0.5
WORTH = dict(zip(COVERAGES, (1.0, 0.5, 0.0), strict=True))

# The whole answer, folded ("I don't know!" is "i don t know"): words that tell of somebody or something else,
# as in "servers do not remember clients", make it an answer.
_DECLINE = re.compile(
    r"(?:(?:sorry|honestly|well|no|ok|okay|but|h+m+|u+[hm]+|i m afraid|i am afraid) )*"
    r"(?:(?:i )?(?:(?:really|actually|honestly|just) )*"
    r"(?:(?:do not|don t|dont) (?:(?:really|actually) )?(?:know|remember|have an? (?:idea|clue|answer))"
    r"|dunno|(?:have )?no (?:idea|clue|answer)|(?:(?:a?m )?not sure)|(?:(?:ll|will) )?(?:pass|skip))"
    r"(?:(?: on| about)? (?:the answer|(?:this|that|it)(?: one| question)?))?|(?:the )?next question)"
    r"(?: (?:sorry|please|honestly|really|yet|at all))*"
)


@dataclass(frozen=True, slots=True)
class PointFinding:
    """What became of one key point: its coverage, 0 to 1, if it could be read, and the verified quote."""

    point: KeyPoint
    worth: float | None
    evidence: Evidence | None


def read_evaluation(fields: Fields, brief: AnswerBrief, provenance: Provenance) -> Evaluation:
    """The evaluation with its score. Raises `Unfit` if too few levels can be read to stand for a score."""
    findings = _read_points(fields, brief)
    levels = _read_levels(fields, findings)
    plainly = _DECLINE.fullmatch(fold(brief.answer)) is not None
    declined = plainly or _was_declined(fields, findings, levels)
    enough = declined or sum(WEIGHTS[name] for name in levels) >= ENOUGH_WEIGHT
    if not plainly and not ("coverage" in levels and enough):
        raise Unfit("the coverage of the key points or the levels of the criteria were missing")
    missing = tuple(finding.point.point for finding in findings if finding.worth == 0)
    score = 0.0 if declined else compute_score(levels)
    return Evaluation(
        score=floor(score + 0.5),
        unrounded=score,
        feedback=read_prose(fields, "feedback", 3_000) or _plain_feedback(findings, missing),
        provenance=provenance,
        evidence=without_repeats(f.evidence for f in findings if f.evidence is not None),
        missing=missing,
        levels=tuple(CriterionLevel(name, level) for name, level in levels.items()),
        declined=declined,
        follow_up=None if declined else _read_follow_up(fields, brief, findings),
    )


def compute_score(levels: dict[str, int]) -> float:
    """The score, 0 to 10 and not rounded yet, of the levels that are known, by the formula of this module."""
    weight = sum(WEIGHTS[name] for name in levels)
    mean = sum(WEIGHTS[name] * level for name, level in levels.items()) / weight
    return min(10 * mean / 4, 2.0 + 2 * levels.get("correctness", 4))


def _read_points(fields: Fields, brief: AnswerBrief) -> list[PointFinding]:
    given = read_object(fields, "key_points")
    points = brief.question.rubric.key_points[:MOST_POINTS]
    names = point_names(len(points))
    return [
        _read_point(read_object(given, name), point, brief.answer)
        for name, point in zip(names, points, strict=True)
    ]


def _read_point(field: Fields, point: KeyPoint, answer: str) -> PointFinding:
    coverage = read_choice(field, "coverage", COVERAGES)
    worth = WORTH[coverage] if coverage else None
    evidence = find_quote(answer, read_text(field, "quote", 1_000), point.point) if worth else None
    return PointFinding(point, 0.5 if worth == 1 and evidence is None else worth, evidence)


def _read_levels(fields: Fields, findings: list[PointFinding]) -> dict[str, int]:
    """The levels that can be read, coverage first.

    It needs at least half of the key points; those that were left out count as not made, so that leaving
    one out never pays.
    """
    worths = [finding.worth for finding in findings if finding.worth is not None]
    levels = {}
    if 2 * len(worths) >= len(findings):
        levels["coverage"] = floor(4 * sum(worths) / max(len(findings), 1) + 0.5)
    given = read_object(fields, "criteria")
    for name in CRITERIA:
        judged = read_object(given, name)
        level = read_level(judged, "level") if judged else read_level(given, name)
        if level is not None:
            levels[name] = level
    return levels


def _was_declined(fields: Fields, findings: list[PointFinding], levels: dict[str, int]) -> bool:
    """Whether the model says that the candidate did not try, and the rest is not at odds with it."""
    tried = any(finding.evidence for finding in findings) or levels.get("correctness", 0) > 1
    return fields.get("declined") is True and not tried


def _read_follow_up(fields: Fields, brief: AnswerBrief, findings: list[PointFinding]) -> FollowUp | None:
    """The follow-up, if it asks something new about a gap that is open."""
    given = read_object(fields, "follow_up")
    text = read_text(given, "question", 500)
    gap = _read_gap(given, brief, findings)
    asked = {fold(turn.question.text) for turn in brief.turns} | {fold(brief.question.text)}
    probed = {fold(each) for each in probed_gaps(brief)}
    if not text or not gap or fold(text) in asked or fold(gap) in probed or is_apology(text):
        return None
    return FollowUp(text, gap)


def _read_gap(given: Fields, brief: AnswerBrief, findings: list[PointFinding]) -> str:
    """The gap: a key point not fully made, or a short one of the model's own; empty if there is none."""
    names = point_names(len(findings))
    chosen = read_choice(given, "gap", ("none", "other", *names))
    if chosen in names:
        finding = findings[names.index(chosen)]
        return "" if finding.worth == 1 else finding.point.point
    own = read_text(given, "gap_in_words", 120) if chosen == "other" else ""
    topic = find_topic(brief)
    known = [*open_gaps(brief), *(p.point for p in (topic.main.question.rubric.key_points if topic else ()))]
    return next((point for point in known if fold(point) == fold(own)), own)


def _plain_feedback(findings: list[PointFinding], missing: tuple[str, ...]) -> str:
    made = [finding.point.point for finding in findings if finding.worth]
    said = f"You spoke to this: {'; '.join(made)}." if made else "None of the points looked for was made."
    return f"{said} Left out: {'; '.join(missing)}." if missing else said
