"""Grading of an answer without a model: which points it makes, where, and what that is worth."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log1p, sqrt

from agent.interview import Evidence, KeyPoint
from agent.offline.grading.comparison import Comparison
from agent.offline.grading.features import measure, stems_around
from agent.offline.grading.grammar import REFUSALS, REFUSING_WORDS
from agent.offline.grading.model import Model, load_model, logistic
from agent.offline.grading.points import Sighting, look_for, quote
from agent.offline.grading.target import Target, set_target
from agent.offline.grading.text import fold, read

COVERED = 0.5
MOST_WORDS_OF_A_REFUSAL = 6
MOST_WORDS_BESIDE_A_REFUSAL = 3
MOST_EMPTY_WORDS = 3
LONG_TALK = 10
POINT_REACH = 5
FEWEST_ROWS_TOLD = 4
LIST_WORDS, TOLD_WORDS = 3, 5
AGREES = 0.62
USUAL_POINTS = 5
ENTRIES_SHARE = 0.5  # of the quality where a question lists labels and the answer takes them up
FIGURES_WORTH = 0.3  # of it where a question asks for figures
SUBSTANCE = 0.5  # of what is wanted: with as much, an answer is neither empty nor astray
OUTRIGHT = 0.7  # of a point's own words; the other points of a question share less than half as many

_REFUSAL = re.compile(rf"{'|'.join(REFUSALS)}|\b(?:{'|'.join(REFUSING_WORDS)})")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PointFinding:
    """How far one key point is covered, from 0 to 1, with the words that cover it, if any do."""

    point: str
    coverage: float
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of an answer: `score` runs from 0 to 10, unrounded."""

    score: float
    declined: bool
    points: tuple[PointFinding, ...]


def grade_answer(
    question: str, key_points: Sequence[KeyPoint], answer: str, *, reference: str | None = None
) -> Grade:
    """Grade an answer against its key points, or against the points of a reference answer if there are none.

    Key points with signals, or without a reference beside them, are worth the mean of their coverage; a
    reference answer is compared as a whole. In both cases what reads like a heap of keywords, a denial or
    empty talk loses a fitted share.
    """
    return grade_with(load_model(), set_target(question, key_points, reference), answer)


def grade_with(model: Model, target: Target, answer: str) -> Grade:
    """The grade by a given model, which is what the fitting script measures."""
    comparison = Comparison(target, read(answer, target.known), model.usage)
    declined = declines(comparison)
    if declined or is_silent(comparison):
        return Grade(0.0, declined, tuple(PointFinding(point.text, 0.0, None) for point in target.points))
    sightings = [look_for(comparison, point) for point in target.points]
    measures = measure(comparison)
    coverages = _coverages(model, comparison, sightings)
    worth = _mean(coverages) if target.by_points else quality(model, measures)
    if has_told(comparison) and (doubt := model.doubts["stuffing"].certainty(measures)) > 0:
        worth, coverages = _less_lists(model, comparison, doubt, worth, coverages)
    credit = credit_of(model, measures, worth, points=target.by_points)
    findings = tuple(
        _finding(comparison, point.text, seen, coverage * credit)
        for point, seen, coverage in zip(target.points, sightings, coverages, strict=True)
    )
    return Grade(10 * min(max(worth * credit, 0.0), 1.0), declined, findings)


def _coverages(model: Model, c: Comparison, sightings: Sequence[Sighting]) -> list[float]:
    """How far the answer covers each point, from 0 to 1."""
    shared = shared_measures(c, sightings)
    line = model.points if c.target.signalled else model.plain_points
    return [
        max(logistic(line.predict({**shared, **point_measures(seen)})), said_outright(seen))
        for seen in sightings
    ]


def _less_lists(
    model: Model, c: Comparison, doubt: float, worth: float, coverages: Sequence[float]
) -> tuple[float, list[float]]:
    """The worth and the coverages as far as they hold without what may be lists of keywords."""
    told = c.without_lists()
    fewer = _coverages(model, told, [look_for(told, point) for point in c.target.points])
    less = _mean(fewer) if c.target.by_points else quality(model, measure(told))
    return (1 - doubt) * worth + doubt * min(worth, less), [
        (1 - doubt) * coverage + doubt * min(coverage, left)
        for coverage, left in zip(coverages, fewer, strict=True)
    ]


def _mean(coverages: Sequence[float]) -> float:
    return sum(coverages) / len(coverages)


def quality(model: Model, measures: Mapping[str, float]) -> float:
    """What the answer is worth beside its reference, from 0 to 1, taken at face value.

    What it tells under the labels that the question lists decides half, if it names any of them. An answer
    without figures loses up to three tenths where the question asks for figures.
    """
    trust = min(1.0, model.short_words / max(1.0, measures["reference"]))
    share = trust * model.trees_share
    mean = share * model.quality_trees.predict(measures) + (1 - share) * model.quality_line.predict(measures)
    agreement = logistic(model.agreement.predict(measures)) - AGREES
    worth = min(max(mean + trust * model.agreement_worth * agreement, 0.0), 1.0)
    worth += measures["entries_named"] * ENTRIES_SHARE * (measures["entries"] - worth)
    return worth * (1 - FIGURES_WORTH * measures["figures_missing"])


def credit_of(model: Model, measures: Mapping[str, float], worth: float, *, points: bool) -> float:
    """The share of the worth that the doubts leave.

    A doubt that is certain leaves what texts of its kind are worth at most. Where the reference has but
    three words, listing them is an answer, so there *salad* counts nothing. The more of what is wanted an
    answer has, the less it costs that it may be empty talk or may stray. By key points the doubt about
    empty talk costs half, for talk makes no point anyway and a story may be told in everyday words; and an
    answer that strays makes none either.
    """
    left = worth
    lacking = max(0.0, 1 - measures["rare_recall"] / SUBSTANCE)
    long = min(max((measures["reference"] - LIST_WORDS) / (TOLD_WORDS - LIST_WORDS), 0.0), 1.0)
    weights = {"salad": long, "emptiness": lacking, "strayed": lacking}
    if points:
        weights |= {"emptiness": 0.5 * lacking, "strayed": 0.0}
    for name, most in model.worths.items():
        weight = weights.get(name, 1.0)
        if weight > 0 and left > most:  # else the doubt, which takes time to weigh, costs nothing
            left -= model.doubts[name].certainty(measures) * weight * (left - most)
    return left / worth if worth > 0 else 0.0


def declines(comparison: Comparison) -> bool:
    """Whether the answer is empty or says that there is none: `I don't know`, in a few languages."""
    if not comparison.reading.forms:
        return True
    text = fold(comparison.reading.text)[0]
    found = _REFUSAL.search(text)
    if found is None:
        return False
    if len(_WORD.findall(text[: found.start()] + text[found.end() :])) <= MOST_WORDS_BESIDE_A_REFUSAL:
        return True  # though some rubric may well speak of knowing
    own = comparison.places.keys() - comparison.target.asked
    return len(own) <= MOST_WORDS_OF_A_REFUSAL and len(comparison.matches) <= 1


def is_silent(comparison: Comparison) -> bool:
    """Whether nothing is left to grade once copies of the question, talk and talk to the grader are gone."""
    if comparison.talk >= 1 and len(comparison.content) >= LONG_TALK:
        return True
    return not comparison.content and len(comparison.rows) <= MOST_EMPTY_WORDS


def has_told(comparison: Comparison) -> bool:
    """Whether there may be lists of keywords, and an answer beside them."""
    listed = sum(last - first for first, last in comparison.lists)
    return 0 < listed <= len(comparison.rows) - FEWEST_ROWS_TOLD


def said_outright(seen: Sighting) -> float:
    """The coverage of a point that is said in its own words, however short the answer; 0 for any other.

    The models were fitted on whole answers, and would take one plain sentence for too little.
    """
    said = seen.words * seen.prose
    return said if said >= OUTRIGHT else 0.0


def point_measures(seen: Sighting) -> dict[str, float]:
    """What the points' models weigh of one point."""
    return {
        "signal": seen.signal * seen.prose,
        "complete": float(seen.signal >= 1) * seen.prose,
        "hits": seen.hits * seen.prose,
        "words": seen.words * seen.prose,
    }


def shared_measures(c: Comparison, sightings: Sequence[Sighting]) -> dict[str, float]:
    """What the points' models weigh of the whole answer: how much is to the point, and how long it is.

    The lengths are for five points, so that an answer about one point may be shorter.
    """
    scale = sqrt(USUAL_POINTS / max(1, len(sightings)))
    spots = {at for stem in c.matches for at in c.found[stem][0]}
    spots.update(at for seen in sightings if seen.span and seen.signal > 0 for at in seen.span)
    return {
        "related": sum(c.substance[m.row] for m in c.matches.values()) / max(1, len(c.target.wanted)),
        "near": log1p(scale * len(stems_around(c, spots, POINT_REACH))),
        "rows": log1p(scale * sum(c.substance)),
    }


def _finding(c: Comparison, text: str, seen: Sighting, coverage: float) -> PointFinding:
    if coverage < COVERED or seen.span is None:
        return PointFinding(text, min(coverage, COVERED - 0.01), None)
    start, end = quote(c, seen.span)
    return PointFinding(text, coverage, Evidence(c.reading.text[start:end], start, end, text))
