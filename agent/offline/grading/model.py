"""The fitted numbers of `weights.json` and how they are applied. `evals/fit_offline.py` writes them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any

from agent.offline.grading.comparison import Usage

# A node is (measure, threshold, left, right): left is where the measure is at most the threshold. A leaf has
# no measure, and its value in the threshold's place; nodes alike are unpacked without asking which they are.
Node = tuple[int | None, float, "Node | Any", "Node | Any"]


@dataclass(frozen=True, slots=True)
class Trees:
    """Gradient-boosted regression trees (Friedman, 2001), each as its root."""

    names: tuple[str, ...]
    start: float
    trees: tuple[Node, ...]

    def predict(self, measures: Mapping[str, float]) -> float:
        """The start plus one leaf of every tree, summed in order."""
        values = [measures[name] for name in self.names]
        total = self.start
        for root in self.trees:
            measure, threshold, left, right = root
            while measure is not None:
                measure, threshold, left, right = left if values[measure] <= threshold else right
            total += threshold
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
class BentLine:
    """A linear model whose slopes change once: `start` plus the weighted measures, plus a second weight for
    what a measure is short of its `knot`.
    """

    names: tuple[str, ...]
    start: float
    weights: tuple[float, ...]
    knots: tuple[float, ...]
    bends: tuple[float, ...]

    def predict(self, measures: Mapping[str, float]) -> float:
        """The weighted sum, in the order of the names."""
        total = self.start
        for name, weight, knot, bend in zip(self.names, self.weights, self.knots, self.bends, strict=True):
            value = measures[name]
            total += weight * value + bend * min(value - knot, 0.0)
        return total


@dataclass(frozen=True, slots=True)
class Doubt:
    """How likely a text is of a kind that deserves less than its words suggest.

    Likelihoods up to `floor` cost nothing; from `ceiling` on the text is taken for one of that kind.
    """

    trees: Trees
    floor: float
    ceiling: float

    def certainty(self, measures: Mapping[str, float]) -> float:
        """From 0, no doubt, to 1."""
        likelihood = logistic(self.trees.predict(measures))
        return min(max((likelihood - self.floor) / (self.ceiling - self.floor), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Model:
    """Everything fitted.

    The quality of an answer against a reference is a mean of `quality_trees` and `quality_line`, the trees
    weighing `trees_share`, raised or lowered by how likely it agrees with the reference (`agreement`),
    times `agreement_worth`. Beside a reference of more than `short_words` words, trees and agreement weigh
    that much less: they learned from few such, and the line carries further. `points` is the logistic
    model of one key point being made, by rubrics with signals, and `plain_points` by rubrics without.
    `worths` holds what a text of each doubted kind is worth at most.
    """

    usage: Usage
    quality_trees: Trees
    quality_line: BentLine
    trees_share: float
    agreement: Trees
    agreement_worth: float
    short_words: float
    doubts: dict[str, Doubt]
    worths: dict[str, float]
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
        usage=Usage(data["flow"], data["rarity"], data["unknown"]),
        quality_trees=_trees(data["quality_trees"]),
        quality_line=_bent_line(data["quality_line"]),
        trees_share=data["trees_share"],
        agreement=_trees(data["agreement"]),
        agreement_worth=data["agreement_worth"],
        short_words=data["short_words"],
        doubts={
            name: Doubt(_trees(doubt["trees"]), doubt["floor"], doubt["ceiling"])
            for name, doubt in data["doubts"].items()
        },
        worths=data["worths"],
        points=_line(data["points"]),
        plain_points=_line(data["plain_points"]),
    )


def _trees(data: Mapping[str, Any]) -> Trees:
    return Trees(tuple(data["names"]), data["start"], tuple(_node(tree, 0) for tree in data["trees"]))


def _node(tree: Sequence[Sequence[float]], at: int) -> Node:
    """The node at a place of a tree that is a list of nodes, which name their children by place."""
    if len(tree[at]) == 1:
        return None, tree[at][0], None, None
    measure, threshold, left, right = tree[at]
    return int(measure), threshold, _node(tree, int(left)), _node(tree, int(right))


def _line(data: Mapping[str, Any]) -> Line:
    return Line(tuple(data["names"]), data["start"], tuple(data["weights"]))


def _bent_line(data: Mapping[str, Any]) -> BentLine:
    return BentLine(
        tuple(data["names"]),
        data["start"],
        tuple(data["weights"]),
        tuple(data["knots"]),
        tuple(data["bends"]),
    )
