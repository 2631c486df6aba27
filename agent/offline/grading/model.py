"""The fitted numbers of `weights.json` and how they are applied. `evals/fit_offline.py` writes them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any


@dataclass(frozen=True, slots=True)
class Trees:
    """Gradient-boosted regression trees (Friedman, 2001).

    A tree is a list of nodes; a node is a leaf with its value, or (measure, threshold, left, right): left
    is where the measure is at most the threshold.
    """

    names: tuple[str, ...]
    start: float
    trees: tuple[tuple[tuple[float, ...], ...], ...]

    def predict(self, measures: Mapping[str, float]) -> float:
        """The start plus one leaf of every tree, summed in order."""
        values = [measures[name] for name in self.names]
        total = self.start
        for tree in self.trees:
            node = tree[0]
            while len(node) > 1:
                node = tree[int(node[2] if values[int(node[0])] <= node[1] else node[3])]
            total += node[0]
        return total


@dataclass(frozen=True, slots=True)
class Line:
    """A linear model: `start` plus the weighted measures."""

    names: tuple[str, ...]
    start: float
    weights: tuple[float, ...]

    def predict(self, measures: Mapping[str, float]) -> float:
        """The weighted sum, in the order of the names."""
        total = self.start
        for name, weight in zip(self.names, self.weights, strict=True):
            total += weight * measures[name]
        return total


@dataclass(frozen=True, slots=True)
class Doubt:
    """How likely a text is of a kind that deserves less than its words suggest.

    Likelihoods up to `floor` cost nothing; from `ceiling` on they take away the share `cost` of the score.
    """

    trees: Trees
    floor: float
    ceiling: float
    cost: float

    def credit(self, measures: Mapping[str, float]) -> float:
        """The share of the score that is left, from 1 - cost to 1."""
        likelihood = logistic(self.trees.predict(measures))
        return 1 - self.cost * min(max((likelihood - self.floor) / (self.ceiling - self.floor), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Model:
    """Everything fitted.

    `flow` says how usual one kind of word is after another. The quality of an answer against a reference is
    the mean of `quality_trees` and `quality_line`; `points` is the logistic model of one key point being
    made, by rubrics with signals, and `plain_points` by rubrics without.
    """

    flow: dict[str, float]
    quality_trees: Trees
    quality_line: Line
    doubts: dict[str, Doubt]
    points: Line
    plain_points: Line


def logistic(value: float) -> float:
    """From 0 to 1, without overflow."""
    return 1 / (1 + exp(-value)) if value > -500 else 0.0


@cache
def load_model() -> Model:
    """The model that ships with the package."""
    return read_model(
        json.loads(files("agent.offline.grading").joinpath("weights.json").read_text(encoding="utf-8"))
    )


def read_model(data: Mapping[str, Any]) -> Model:
    """The model as `weights.json` holds it. Raises `KeyError` if a part is missing."""
    return Model(
        flow=data["flow"],
        quality_trees=_trees(data["quality_trees"]),
        quality_line=_line(data["quality_line"]),
        doubts={
            name: Doubt(_trees(doubt["trees"]), doubt["floor"], doubt["ceiling"], doubt["cost"])
            for name, doubt in data["doubts"].items()
        },
        points=_line(data["points"]),
        plain_points=_line(data["plain_points"]),
    )


def _trees(data: Mapping[str, Any]) -> Trees:
    trees: Sequence[Sequence[Sequence[float]]] = data["trees"]
    return Trees(tuple(data["names"]), data["start"], tuple(tuple(map(tuple, tree)) for tree in trees))


def _line(data: Mapping[str, Any]) -> Line:
    return Line(tuple(data["names"]), data["start"], tuple(data["weights"]))
