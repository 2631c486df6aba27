"""The graded answers that the offline grader is fitted to, measured."""

import json
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.interview import KeyPoint
from agent.offline.grading.comparison import Comparison, Usage
from agent.offline.grading.features import measure
from agent.offline.grading.points import look_for
from agent.offline.grading.scoring import declines, has_told, is_silent, point_measures, shared_measures
from agent.offline.grading.target import Target, set_target
from agent.offline.grading.text import read
from evals.synthetic import Source, make

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROOT = Path(__file__).parent.parent
FOLDS = 8
SEED = 7
SETS = ("mohler", "saf", "os", "scientsbank", "beetle")
# What a label is worth on the scale of the graded sets, whose graders give much for a wrong answer.
WORTH = {"correct": 0.97, "incorrect": 0.6, "contradictory": 0.38}
SET_WEIGHTS = {"mohler": 4.0, "saf": 1.5, "os": 1.0, "scientsbank": 0.35, "beetle": 0.35, "interview": 1.0}


@dataclass(frozen=True, slots=True)
class Row:
    """A measured answer; `of` is the set it comes from, `kind` is `real` or how it was made.

    `told` are the measures without what may be lists of keywords, if there are any.
    """

    of: str
    kind: str
    question: str
    fold: int
    grade: float
    label: str
    measures: dict[str, float]
    silent: bool
    told: dict[str, float] | None


class Table:
    """Measured answers as arrays."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.of = np.array([row.of for row in rows])
        self.kind = np.array([row.kind for row in rows])
        self.fold = np.array([row.fold for row in rows])
        self.grade = np.array([row.grade for row in rows])
        self.question = np.array([row.question for row in rows])
        self.label = np.array([row.label for row in rows])
        self.silent = np.array([row.silent for row in rows])
        self.real: Bools = self.kind == "real"
        self.weight = np.array([SET_WEIGHTS.get(row.of, 0.0) for row in rows])
        self.everything: Bools = np.ones(len(rows), dtype=bool)

        self.lists: Bools = np.array([row.told is not None for row in rows])
        self._names = list(rows[0].measures)
        self._whole = np.array([list(row.measures.values()) for row in rows])
        self._told = np.array([list((row.told or row.measures).values()) for row in rows])

    def columns(self, names: Sequence[str], *, told: bool = False) -> Floats:
        """The named measures, one row an answer, of all of it or of what is told beside lists."""
        columns: Floats = (self._told if told else self._whole)[
            :, [self._names.index(name) for name in names]
        ]
        return columns


def point_columns(sample: Mapping[str, Any], usage: Usage, names: Sequence[str], *, signals: bool) -> Floats:
    """One row a key point of the sample's question."""
    target = _sample_target(sample, signals=signals)
    c = Comparison(target, read(sample["answer"], target.known), usage)
    seen = [look_for(c, point) for point in c.target.points]
    shared = shared_measures(c, seen)
    return np.array([[{**shared, **point_measures(s)}[name] for name in names] for s in seen])


def measure_sets(sets: Mapping[str, list[dict[str, Any]]], usages: Sequence[Usage]) -> Iterator[Row]:
    """Every graded answer, and the answers made from them; by fold, the usage of the other folds."""
    for name, answers in sets.items():
        for answer in answers:
            yield _row(name, answer, "real", answer["answer"], usages)
        sources = [Source(a["question_id"], a["reference_answer"], a["answer"], grade_of(a)) for a in answers]
        for made in make(sources, SEED):
            yield _row(name, answers[made.source], made.kind, made.text, usages)


def _row(name: str, answer: Mapping[str, Any], kind_: str, text: str, usages: Sequence[Usage]) -> Row:
    fold = fold_of(name, answer)
    target = set_target(answer["question"], (), answer["reference_answer"])
    label = str(answer.get("label", ""))
    return _measured(
        name, kind_, answer["question_id"], fold, grade_of(answer), label, target, text, usages[fold]
    )


def _measured(
    of: str,
    kind_: str,
    question: str,
    fold: int,
    grade: float,
    label: str,
    target: Target,
    text: str,
    usage: Usage,
) -> Row:
    c = Comparison(target, read(text, target.known), usage)
    silent = declines(c) or is_silent(c)
    return Row(
        of,
        kind_,
        question,
        fold,
        grade,
        label,
        measure(c),
        silent,
        measure(c.without_lists()) if has_told(c) else None,
    )


def measure_samples(samples: Sequence[Mapping[str, Any]], usage: Usage) -> Iterator[Row]:
    """The sample interview answers, and the answers made from them."""

    def row(sample: Mapping[str, Any], kind_: str, text: str) -> Row:
        target = _sample_target(sample, signals=True)
        fold = zlib.crc32(sample["question_id"].encode()) % FOLDS
        return _measured(
            "interview", kind_, sample["question_id"], fold, sample["human_score"], "", target, text, usage
        )

    sources = sample_sources(samples)
    yield from (row(sample, "real", sample["answer"]) for sample in samples)
    yield from (row(samples[made.source], made.kind, made.text) for made in make(sources, SEED))


def sample_sources(samples: Sequence[Mapping[str, Any]]) -> list[Source]:
    """The sample interview answers as material for made ones."""
    return [
        Source(
            question=sample["question_id"],
            reference=". ".join(sample["key_points"]),
            answer=sample["answer"],
            grade=sample["human_score"],
            phrases=tuple(s for p in _bank()[sample["question_id"]]["key_points"] for s in p["signals"]),
        )
        for sample in samples
    ]


def measure_attacks(
    attacks: Sequence[Mapping[str, Any]], usages: Sequence[Usage], folds: Mapping[str, int]
) -> Iterator[Row]:
    """Every attack, each followed by the answer it started from."""
    for attack in attacks:
        other = attack.get("pair_answer") if attack["rule"] == "pair" else attack.get("base_answer")
        target = set_target(attack["question"], (), attack["reference_answer"])
        fold = folds[attack["question_id"]]
        for kind_, text in (("attack", attack["answer"]), ("before attack", other or "")):
            yield _measured(
                "attacks", kind_, attack["question_id"], fold, 0.0, "", target, text, usages[fold]
            )


def grade_of(answer: Mapping[str, Any]) -> float:
    """The grade from 0 to 1 that the fit aims at."""
    return WORTH[answer["label"]] if "label" in answer else float(answer["human_score"])


def fold_of(name: str, answer: Mapping[str, Any]) -> int:
    """The fold: an assignment of Mohler's, a question of the others, is never split over two."""
    unit = answer["group"] if name == "mohler" else answer["question_id"]
    return (
        _position(name, str(unit)) % FOLDS
        if name != "scientsbank"
        else zlib.crc32(str(unit).encode()) % FOLDS
    )


_positions: dict[str, list[str]] = {}


def _position(name: str, unit: str) -> int:
    """The order in which the units of a set appear."""
    units = _positions.setdefault(name, [])
    if unit not in units:
        units.append(unit)
    return units.index(unit)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def load_samples() -> list[dict[str, Any]]:
    """The sample interview answers whose question is in the bank."""
    found = read_lines(ROOT / "evals" / "data" / "answers.v1.jsonl")
    return [row for row in found if row["question_id"] in _bank()]


@cache
def _bank() -> dict[str, dict[str, Any]]:
    files = sorted((ROOT / "agent" / "offline" / "bank").rglob("*.toml"))
    loaded = (tomllib.loads(path.read_text(encoding="utf-8")) for path in files)
    return {question["id"]: question for bank in loaded for question in bank.get("questions", ())}


def _sample_target(sample: Mapping[str, Any], *, signals: bool) -> Target:
    points = _bank()[sample["question_id"]]["key_points"]
    key_points = [KeyPoint(p["point"], tuple(p["signals"]) if signals else ()) for p in points]
    return set_target(sample["question"], key_points, None)
