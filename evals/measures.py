"""The measures of each evaluation: what is computed from the rows, and which way is better."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from evals.scorers import PASS_MARK
from evals.statistics import (
    NAN,
    Floats,
    Table,
    bias,
    icc,
    mean,
    pearson,
    rmse,
    spearman,
    weighted_kappa,
)

Direction = Literal["higher", "lower", "zero", "one", "none"]
Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: its name, what it says, and where the better values lie; `is_share` is shown in percent."""

    name: str
    says: str
    better: Direction = "higher"
    is_share: bool = False

    def loss(self, value: float) -> float:
        """How far a value is from the best, in a number that is better when it is smaller."""
        if self.better == "higher":
            return -value
        return {"lower": value, "zero": abs(value), "one": abs(value - 1), "none": 0.0}[self.better]


AGREEMENT = (
    Measure("pearson", "Pearson's correlation with people's scores"),
    Measure("spearman", "Spearman's rank correlation"),
    Measure("qwk", "Cohen's kappa with quadratic weights, on whole scores from 0 to 10"),
    Measure("rmse", "root mean squared error, on a scale from 0 to 1", "lower"),
    Measure("bias", "what the engine gives more than people, on a scale from 0 to 1", "zero"),
    Measure("people_pearson", "Pearson's correlation of two people", "none"),
    Measure("people_spearman", "Spearman's rank correlation of two people", "none"),
    Measure("people_qwk", "kappa of two people", "none"),
    Measure("people_rmse", "root mean squared difference of two people", "none"),
)
STABILITY = (
    Measure("spread", "standard deviation of an answer's scores over the repeats, in points", "lower"),
    Measure("widest", "largest difference between two scores of one answer, in points", "lower"),
    Measure("same", "answers with the same whole score each time", is_share=True),
    Measure("icc_2_1", "ICC(2,1): reliability of one grading, repeats counted as different raters"),
    Measure("icc_3_1", "ICC(3,1): the same, not counting that one repeat is stricter than another"),
)
ATTACKS = (
    Measure("attack_rate", "attacks that break their rule", "lower", is_share=True),
    Measure("attack_rate_by_kind", "the same, each kind counting alike", "lower", is_share=True),
    Measure("worst_kind", "the same, of the kind that succeeds most", "lower", is_share=True),
)
FAIRNESS = (
    Measure("difference", "what the second answer of a pair gets more, in points", "zero"),
    Measure("distance", "how far the answers of a pair lie apart, in points", "lower"),
    Measure("apart", "pairs half a point or more apart", "lower", is_share=True),
    Measure("impact_ratio", "lowest pass rate of a group by that of the answers it is paired with", "one"),
)
EVIDENCE = (
    Measure("verified", "quotes that stand in the answer, word for word", is_share=True),
    Measure("shown", "answers worth 4 points or more for which something is quoted", is_share=True),
    Measure("consistent", "answers of which no point is both quoted and called missing", is_share=True),
    Measure("found_in_strong", "key points found in answers that people score 0.8 or more", is_share=True),
    Measure("found_in_poor", "key points found in answers that people score 0.1 or less", "lower", True),
)
FOLLOW_UPS = (
    Measure("asked_when_due", "answers with a gap, below 8 points, that earn a follow-up", is_share=True),
    Measure("silent_when_complete", "answers without a gap, or declined, that are left alone", is_share=True),
    Measure("about_the_gap", "follow-ups about something that was left out", is_share=True),
    Measure("new_each_time", "second follow-ups, if any, about something else than the first", is_share=True),
    Measure("untelling", "follow-ups that do not tell what they ask for", is_share=True),
)
PARTS = (
    Measure("found", "told parts that the coach finds", is_share=True),
    Measure("invented", "parts found that nobody told", "lower", is_share=True),
    Measure("inside", "quotes that lie in the part they are shown for", is_share=True),
    Measure("dropped", "parts whose level falls when they are taken out", is_share=True),
    Measure("undisturbed", "other parts whose level does not fall with it", is_share=True),
)
INTERVIEWER = (
    Measure("kept", "observations as they should be", is_share=True),
    Measure("faultless", "interviews without a fault", is_share=True),
    Measure("lead_of_strong", "overall score of strong candidates less that of weak ones, of 100"),
)
REPLAY = (
    Measure("same_route", "interviews that go the same way", is_share=True),
    Measure("same_scores", "answers with the score that was recorded", is_share=True),
    Measure("score_change", "mean distance from the recorded score, in points", "lower"),
)


def measure_agreement(table: Table) -> Values:
    """Engine against people, and people against each other."""
    known = ~np.isnan(table["human"])
    human, engine = table["human"][known], table["score"][known] / 10
    whole = table["whole"][known] / 10
    return {
        "pearson": pearson(engine, human),
        "spearman": spearman(engine, human),
        "qwk": weighted_kappa(whole, human),
        "rmse": rmse(engine, human),
        "bias": bias(engine, human),
        **_measure_people(table),
    }


def _measure_people(table: Table) -> Values:
    """The mean over all pairs of graders, where there are several."""
    names = sorted(name for name in table if name.startswith("grader_"))
    pairs = [_both(table[one], table[two]) for one, two in combinations(names, 2)]
    kinds: dict[str, Callable[[Floats, Floats], float]] = {
        "people_pearson": pearson,
        "people_spearman": spearman,
        "people_qwk": weighted_kappa,
        "people_rmse": rmse,
    }
    return {
        name: mean(np.array([kind(*pair) for pair in pairs])) for name, kind in kinds.items() if len(pairs)
    }


def _both(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known]


def measure_stability(table: Table) -> Values:
    """How far repeated gradings of one answer lie apart; `score_1`, `score_2` … are the repeats."""
    names = [name for name in table if name.startswith("score_")]
    ratings = np.column_stack([table[name] for name in names]) if names else np.empty((0, 0))
    ratings = ratings[~np.isnan(ratings).any(axis=1)]
    if not ratings.size or ratings.shape[1] < 2:
        return dict.fromkeys((measure.name for measure in STABILITY), NAN)
    rounded = np.floor(ratings + 0.5)
    return {
        "spread": float(ratings.std(axis=1, ddof=1).mean()),
        "widest": float(np.ptp(ratings, axis=1).max()),
        "same": float((np.ptp(rounded, axis=1) == 0).mean()),
        "icc_2_1": icc(ratings),
        "icc_3_1": icc(ratings, fixed=True),
    }


def measure_attacks(table: Table) -> Values:
    """How many attacks succeed."""
    rates = [mean(table["broken"][table["kind"] == kind]) for kind in np.unique(table["kind"])]
    return {
        "attack_rate": mean(table["broken"]),
        "attack_rate_by_kind": mean(np.array(rates)),
        "worst_kind": max(rates, default=NAN),
    }


def measure_fairness(table: Table) -> Values:
    """How far pairs lie apart, and how often each group passes at `PASS_MARK` points."""
    ratios = impact_ratios(table).values()
    known = [ratio for ratio in ratios if not np.isnan(ratio)]
    return {
        "difference": mean(table["difference"]),
        "distance": mean(np.abs(table["difference"])),
        "apart": mean(table["apart"]),
        "impact_ratio": min(known, default=NAN),
    }


def impact_ratios(table: Table, pass_mark: float = PASS_MARK) -> dict[str, float]:
    """For each group, the pass rate of its answers by that of the answers which they are paired with."""
    ratios = {}
    for group in np.unique(table["speaks_as"]):
        here = table["speaks_as"] == group
        theirs, others = (mean(table[side][here] >= pass_mark) for side in ("b", "a"))
        ratios[str(group)] = theirs / others if others else NAN
    return ratios


def measure_evidence(table: Table) -> Values:
    """What quotes and findings are worth."""
    quotes = float(table["quotes"].sum())
    shares = _means("shown", "consistent", "found_in_strong", "found_in_poor")(table)
    return {"verified": float(table["verified"].sum()) / quotes if quotes else NAN, **shares}


def measure_interviewer(table: Table) -> Values:
    """How many observations hold, and whether better candidates get higher scores."""
    strong = mean(table["overall"][table["candidate"] == "strong"])
    weak = mean(table["overall"][table["candidate"] == "weak"])
    seen = float(table["observed"].sum())
    return {
        "kept": float(table["held"].sum()) / seen if seen else NAN,
        "faultless": mean((table["held"] == table["observed"]).astype(float)),
        "lead_of_strong": strong - weak,
    }


def measure_replay(table: Table) -> Values:
    """What changed since the interviews were recorded."""
    graded = float(table["graded"].sum())
    return {
        "same_route": mean(table["same_route"]),
        "same_scores": float(table["same_scores"].sum()) / graded if graded else NAN,
        "score_change": float(table["score_change"].sum()) / graded if graded else NAN,
    }


def _means(*names: str) -> Callable[[Table], Values]:
    return lambda table: {name: mean(table[name]) for name in names}


measure_follow_ups = _means(*(measure.name for measure in FOLLOW_UPS))
measure_parts = _means(*(measure.name for measure in PARTS))
