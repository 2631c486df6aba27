"""How each part of the offline grader's model is fitted and written down."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Any

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # type: ignore[import-untyped]
from sklearn.linear_model import Ridge  # type: ignore[import-untyped]

from agent.offline.grading.comparison import Usage, kind
from agent.offline.grading.text import read
from evals.fit_data import Bools, Floats, Table, point_columns

# An answer's points as rows of measures, and the level it should reach.
Answered = tuple[Floats, float]
POINT_NAMES = ("signal", "complete", "hits", "words", "related", "near", "rows")
PLAIN_NAMES = ("words", "related", "near", "rows")
# Made answers together weigh this share of the real ones.
MADE_SHARE = 0.2
HONEST_WEIGHT = 4.0
STRONG = 0.85

# Measures of coverage: with more of it no estimate falls.
RISING = frozenset(("rare_recall", "rare_matched", "rare_best", "rare_recall_all", "neighbours", "in_order"))
LINE = [
    "rows_ratio", "rare_recall", "rare_matched", "rare_best", "rare_recall_all", "generic", "function",
    "opposed_share", "denied_more", "swapped", "length", "neighbours", "pairs_ordered", "in_order",
    "reference_short", "parts_asked", "asks_why", "negators_more", "negators",
]  # fmt: skip
TREES = [*LINE, "clash", "negators_expected", "reference_asked"]
AGREEMENT = [
    "clash", "clash_any", "opposed", "opposed_share", "swapped", "negators", "negators_ratio",
    "negators_more", "negators_expected", "denied_more", "rare_clash", "recall", "rare_recall",
    "rare_matched", "letters", "pairs", "neighbours", "in_order", "reference_asked", "wanted", "length",
    "precision", "function",
]  # fmt: skip
LISTS = [
    "list_rows", "list_only", "list_known", "list_longest", "list_hits", "list_marks", "list_opens",
    "list_closes", "told_rows", "told_recall",
]  # fmt: skip
DOUBTS = {
    "salad": [
        "flow", "flow_worst", "flow_matched", "flow_lowest", "function", "listed", "pairs_ordered",
        "pairs_near", "rising", "precision", "length", "rows", "sentences", "pairs", "first_person",
        "run_longest", "run_share", "run_matched", "wanted", "list_rows", "list_known", "list_marks",
        "told_rows", "neighbours", "in_order", "rare_recall_all",
    ],
    "stuffing": [
        *LISTS, "rare_recall", "rare_recall_all", "rows", "flow", "function", "sentences", "listed",
        "neighbours", "precision", "wanted", "flow_worst",
    ],
    "denial": [
        "clash", "clash_any", "clash_wanted", "not_share", "negators", "negators_ratio",
        "negators_expected", "negators_more", "not_be", "not_may", "not_do", "not_so", "rows", "sentences",
        "wanted", "recall", "precision", "pairs", "cosine", "denied_more", "denied_known", "denied_first",
        "rare_clash", "rare_recall", "neighbours", "in_order", "not_flow", "rare_affirmed", "swapped",
        "opposed_share",
    ],
    "emptiness": [
        "talk", "generic", "meta", "function", "flow", "flow_worst", "length", "precision",
        "precision_near", "matched", "asked_cover", "first_person", "rows", "letters", "recall_all",
        "sentences", "rare_recall_all", "rare_new", "sentences_known",
    ],
    "strayed": [
        "rare_recall", "rare_recall_all", "rare_matched", "rare_best", "rare_wanted", "rare_asked",
        "rare_new", "sentences_known", "recall", "letters", "asked_cover", "asked", "wanted", "length",
        "rows", "in_order", "neighbours", "function", "matched_all", "reference_asked", "cosine",
    ],
}  # fmt: skip
# The likelihoods at which each doubt begins and at which it is taken for certain, and what a text of its
# kind is then worth at most (one with keywords stuffed in is worth what is told beside them). The floors of
# salad and denial are the knob between agreement and robustness; the report shows the curve.
FLOORS = {"salad": 0.72, "stuffing": 0.4, "denial": 0.84, "emptiness": 0.7, "strayed": 0.75}
CEILINGS = {"salad": 0.88, "stuffing": 0.98, "denial": 0.96, "emptiness": 0.84, "strayed": 0.89}
WORTHS = {"salad": 0.5, "denial": 0.47, "emptiness": 0.02, "strayed": 0.29}
# What the trees weigh beside the line, and agreement beside both, where the reference is no longer than this.
TREES_SHARE = 0.5
AGREEMENT_WORTH = 0.2
SHORT_WORDS = 15


def fit_quality(table: Table, use: Bools) -> dict[str, Any]:
    """Trees and a line from the measures of real answers to their grades, and their agreement."""
    use = use & table.real & (table.of != "interview")
    return {
        "quality_trees": export_trees(train_trees(table, use), TREES),
        "quality_line": train_line(table, use),
        "trees_share": TREES_SHARE,
        "agreement": export_trees(train_agreement(table, use), AGREEMENT),
        "agreement_worth": AGREEMENT_WORTH,
        "short_words": SHORT_WORDS,
    }


def train_trees(table: Table, use: Bools) -> HistGradientBoostingRegressor:
    """The trees, whose estimate never falls when a measure of coverage rises."""
    return HistGradientBoostingRegressor(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        l2_regularization=5.0,
        monotonic_cst=[int(name in RISING) for name in TREES],
        random_state=0,
    ).fit(table.columns(TREES)[use], table.grade[use], sample_weight=table.weight[use])


def train_line(table: Table, use: Bools) -> dict[str, Any]:
    """The line, bent at the mean of every measure."""
    x = table.columns(LINE)[use]
    knots, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - knots) / scale
    ridge = Ridge(alpha=50.0, solver="cholesky")
    ridge.fit(np.hstack([z, np.minimum(z, 0)]), table.grade[use], sample_weight=table.weight[use])
    slopes, bends = np.split(ridge.coef_, 2)
    return {
        "names": LINE,
        "start": _short(ridge.intercept_ - slopes @ (knots / scale)),
        "weights": [_short(value) for value in slopes / scale],
        "knots": [_short(value) for value in knots],
        "bends": [_short(value) for value in bends / scale],
    }


def train_agreement(table: Table, use: Bools) -> HistGradientBoostingClassifier:
    """The classifier of correct answers against contradictory ones."""
    use = use & np.isin(table.label, ("correct", "contradictory"))
    return HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.06,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=5.0,
        random_state=0,
    ).fit(table.columns(AGREEMENT)[use], table.label[use] == "correct")


def fit_doubt(table: Table, name: str, use: Bools) -> dict[str, Any]:
    """A classifier of made answers of one kind against all real ones."""
    trees = train_doubt(table, name, use)
    return {"floor": FLOORS[name], "ceiling": CEILINGS[name], "trees": export_trees(trees, DOUBTS[name])}


def train_doubt(table: Table, name: str, use: Bools) -> HistGradientBoostingClassifier:
    """The classifier alone. A reference repeated word for word counts as a real answer."""
    made = table.kind == name
    use = use & (table.real | made | (table.kind == "honest"))
    weight = table.weight.copy()
    weight[table.kind == "honest"] *= HONEST_WEIGHT
    weight[made] *= MADE_SHARE * weight[use & ~made].sum() / weight[use & made].sum()
    return HistGradientBoostingClassifier(
        max_iter=80,
        learning_rate=0.1,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=5.0,
        random_state=0,
    ).fit(table.columns(DOUBTS[name])[use], made[use], sample_weight=weight[use])


def export_trees(
    model: HistGradientBoostingClassifier | HistGradientBoostingRegressor, names: Sequence[str]
) -> dict[str, Any]:
    """The trees as plain lists: a leaf is [value], another node [measure, threshold, left, right]."""
    trees = []
    for (predictor,) in model._predictors:  # noqa: SLF001 - scikit-learn offers no public way to its trees
        nodes = [
            [_short(node["value"])]
            if node["is_leaf"]
            else [
                int(node["feature_idx"]),
                _short(node["num_threshold"]),
                int(node["left"]),
                int(node["right"]),
            ]
            for node in predictor.nodes
        ]
        trees.append(nodes)
    start = float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001
    return {"names": list(names), "start": _short(start), "trees": trees}


def fit_points(samples: Sequence[Mapping[str, Any]], usage: Usage, *, signals: bool) -> dict[str, Any]:
    """The logistic model of a key point being made, such that an answer's mean over its points meets its
    level.
    """
    names = POINT_NAMES if signals else PLAIN_NAMES
    line = train_points(point_data(samples, usage, names))
    return {"names": list(names), "start": _short(line[0]), "weights": [_short(v) for v in line[1:]]}


def point_data(samples: Sequence[Mapping[str, Any]], usage: Usage, names: Sequence[str]) -> list[Answered]:
    """The sample answers as the points' models see them."""
    signals = "signal" in names
    return [(point_columns(s, usage, names, signals=signals), s["human_score"]) for s in samples]


def train_points(data: Sequence[Answered]) -> Floats:
    """Least squares over answers with a little shrinkage; the first number is the intercept.

    Missing the worth of a strong answer counts twice, since that is the worse mistake in an interview.
    """

    def loss(w: Floats) -> float:
        errors = [(1 + (level >= STRONG)) * (mean_point(w, x) - level) ** 2 for x, level in data]
        return float(np.mean(errors) + 0.0002 * (w @ w))

    found = minimize(loss, np.zeros(data[0][0].shape[1] + 1), method="L-BFGS-B")
    return np.asarray(found.x)


def mean_point(w: Floats, x: Floats) -> float:
    """The mean coverage of an answer's points."""
    return float(np.mean(1 / (1 + np.exp(-(w[0] + x @ w[1:])))))


def fit_flow(texts: Iterable[str]) -> dict[str, float]:
    """The pointwise mutual information of each kind of word and the one before it.

    Smoothed by five imagined pairs of either kind; pairs near 0 and rare kinds are left out.
    """
    pairs: dict[tuple[str, str], int] = {}
    firsts: dict[str, int] = {}
    seconds: dict[str, int] = {}
    for text in texts:
        for pair in _kind_pairs(text):
            pairs[pair] = pairs.get(pair, 0) + 1
            firsts[pair[0]] = firsts.get(pair[0], 0) + 1
            seconds[pair[1]] = seconds.get(pair[1], 0) + 1
    total = sum(firsts.values())
    flow = {}
    for first in sorted(firsts):
        for second in sorted(seconds):
            usual = seconds[second] / total
            value = log((pairs.get((first, second), 0) + 5 * usual) / (firsts[first] + 5) / usual)
            if firsts[first] + seconds[second] >= 60 and abs(value) >= 0.05:
                flow[f"{first} {second}"] = round(max(-3.0, min(3.0, value)), 2)
    return flow


def fit_usage(answers: Iterable[Mapping[str, Any]], flow: Mapping[str, float]) -> Usage:
    """The rarity of every stem of two questions or more: the log of the share of questions that have it.

    A question has the stems of its own text, of its reference and of all answers to it.
    """
    stems: dict[str, set[str]] = {}
    for answer in answers:
        own = stems.setdefault(f"{answer['dataset']} {answer['question_id']}", set())
        texts = (
            (answer["answer"],) if own else (answer["answer"], answer["question"], answer["reference_answer"])
        )
        own.update(stem for text in texts for stem in read(text).stems)
    counts = Counter(stem for own in stems.values() for stem in own)
    rarity = {
        stem: round(log((len(stems) + 1) / (count + 0.5)), 2)
        for stem, count in sorted(counts.items())
        if count > 1
    }
    return Usage(flow, rarity, round(log((len(stems) + 1) / 1.5), 2))


def _kind_pairs(text: str) -> Iterable[tuple[str, str]]:
    reading = read(text)
    before, sentence = ".", -1
    for row, form in enumerate(reading.forms):
        if reading.sentences[row] != sentence:
            before, sentence = ".", reading.sentences[row]
        elif reading.listed[row]:
            before = ","
        yield before, kind(form)
        before = kind(form)


def _short(value: float) -> float:
    return float(f"{float(value):.6g}")
