"""How each part of the offline grader's model is fitted and written down."""

from collections.abc import Iterable, Mapping, Sequence
from math import log
from typing import Any

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # type: ignore[import-untyped]
from sklearn.linear_model import Ridge  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

from agent.offline.grading.comparison import Flow, kind
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

RISING = [
    "recall",
    "recall_exact",
    "recall_flowing",
    "recall_all",
    "recall_half",
    "matched",
    "matched_all",
    "matched_flowing",
    "point_best",
    "point_mean",
    "point_worst",
    "points_half",
    "letters",
    "digits",
    "pairs",
    "cosine",
]
FORM = [
    "flow",
    "flow_worst",
    "flow_matched",
    "flow_lowest",
    "function",
    "listed",
    "pairs_ordered",
    "pairs_near",
    "rising",
    "precision",
    "length",
    "rows",
    "sentences",
    "pairs",
    "first_person",
    "run_longest",
    "run_share",
    "run_matched",
    "wanted",
]
DENIAL = [
    "clash",
    "clash_any",
    "clash_wanted",
    "not_share",
    "negators",
    "negators_ratio",
    "negators_expected",
    "negators_more",
    "not_be",
    "not_may",
    "not_do",
    "not_so",
    "rows",
    "sentences",
    "wanted",
    "recall",
    "precision",
    "pairs",
    "cosine",
]
EMPTINESS = [
    "talk",
    "generic",
    "meta",
    "function",
    "flow",
    "flow_worst",
    "length",
    "precision",
    "precision_near",
    "matched",
    "asked_cover",
    "first_person",
    "rows",
    "letters",
    "recall_all",
    "sentences",
]
DOUBTS = {"salad": FORM, "denial": DENIAL, "emptiness": EMPTINESS}
# What each doubt takes away when it is certain, and the likelihoods at which it begins and is counted as
# certain. The floors of salad and denial are the knob between agreement and robustness; the report shows
# the curve.
COSTS = {"salad": 0.65, "denial": 0.5, "emptiness": 1.0}
FLOORS = {"salad": 0.78, "denial": 0.78, "emptiness": 0.3}
CEILINGS = {"salad": 0.98, "denial": 0.93, "emptiness": 0.7}


def fit_quality(table: Table, use: Bools) -> dict[str, Any]:
    """Trees and a line from the measures of real answers to their grades."""
    use = use & table.real & (table.of != "interview")
    trees, line = train_quality(table, use)
    return {
        "quality_trees": export_trees(trees, table.names),
        "quality_line": line,
    }


def train_quality(table: Table, use: Bools) -> tuple[HistGradientBoostingRegressor, dict[str, Any]]:
    """The fitted trees, whose estimate never falls when a measure of coverage rises, and the line."""
    x, y, w = table.columns(table.names)[use], table.grade[use], table.weight[use]
    trees = HistGradientBoostingRegressor(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        l2_regularization=5.0,
        monotonic_cst=[int(name in RISING) for name in table.names],
        random_state=0,
    ).fit(x, y, sample_weight=w)
    scale = StandardScaler().fit(x)
    ridge = Ridge(alpha=50.0, solver="cholesky").fit(scale.transform(x), y, sample_weight=w)
    slopes = ridge.coef_ / scale.scale_
    start = float(ridge.intercept_ - slopes @ scale.mean_)
    return trees, {"names": table.names, "start": _short(start), "weights": [_short(v) for v in slopes]}


def fit_doubt(table: Table, name: str, use: Bools) -> dict[str, Any]:
    """A classifier of made answers of one kind against all real ones, with its cost."""
    trees = train_doubt(table, name, use)
    ramp = {"floor": FLOORS[name], "ceiling": CEILINGS[name], "cost": COSTS[name]}
    return {**ramp, "trees": export_trees(trees, DOUBTS[name])}


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


def fit_points(samples: Sequence[Mapping[str, Any]], flow: Flow, *, signals: bool) -> dict[str, Any]:
    """The logistic model of a key point being made, such that an answer's mean over its points meets its
    level.
    """
    names = POINT_NAMES if signals else PLAIN_NAMES
    line = train_points(point_data(samples, flow, names))
    return {"names": list(names), "start": _short(line[0]), "weights": [_short(v) for v in line[1:]]}


def point_data(samples: Sequence[Mapping[str, Any]], flow: Flow, names: Sequence[str]) -> list[Answered]:
    """The sample answers as the points' models see them."""
    signals = "signal" in names
    return [(point_columns(s, flow, names, signals=signals), s["human_score"]) for s in samples]


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


def fit_flow(texts: Iterable[str]) -> Flow:
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
