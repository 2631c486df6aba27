"""What cross-validation finds about the offline grader, as a page."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.offline.grading.comparison import Usage
from agent.offline.grading.scoring import (
    AGREES,
    ENTRIES_SHARE,
    FIGURES_WORTH,
    LIST_WORDS,
    SUBSTANCE,
    TOLD_WORDS,
)
from evals.fit_data import FOLDS, Bools, Floats, Table, point_columns
from evals.fit_models import (
    AGREEMENT,
    AGREEMENT_WORTH,
    CEILINGS,
    DOUBTS,
    FLOORS,
    LINE,
    PLAIN_NAMES,
    POINT_NAMES,
    SHORT_WORDS,
    TREES,
    TREES_SHARE,
    WORTHS,
    mean_point,
    point_data,
    train_agreement,
    train_doubt,
    train_line,
    train_points,
    train_trees,
)

KNOB = (1.0, 0.2, 0.1, 0.05, 0.0, -0.05, -0.1, -0.2, -0.3, -0.5)
LEVELS = ("strong", "partial", "thin", "vague", "wrong")
QWK_STEPS = 11
Attacks = Sequence[Mapping[str, Any]]


class Unseen:
    """Estimates for every row by models that did not see its question, nor its assignment."""

    def __init__(self, table: Table) -> None:
        self.table = table
        size = len(table.rows)
        self.quality: Floats = np.zeros(size)
        self.told: Floats = np.zeros(size)
        self.likelihood: dict[str, Floats] = {name: np.zeros(size) for name in DOUBTS}
        for fold in range(FOLDS):
            out = table.fold == fold
            whole, told = quality_of(table, (table.fold != fold) & graded(table))
            self.quality[out], self.told[out] = whole[out], told[out]
            for name in DOUBTS:
                model = train_doubt(table, name, table.fold != fold)
                self.likelihood[name][out] = model.predict_proba(table.columns(DOUBTS[name])[out])[:, 1]

    def scores(self, floors: Mapping[str, float]) -> Floats:
        """The scores from 0 to 1 when the doubts begin at these likelihoods; a floor of 1 means never."""
        scores = self.quality.copy()
        stuffed = self._certainty("stuffing", floors) * self.table.lists
        scores -= stuffed * np.maximum(0, scores - self.told)
        for name, most in WORTHS.items():
            certainty = self._certainty(name, floors)
            if name == "salad":
                words = self.table.columns(["reference"])[:, 0]
                certainty = certainty * np.clip((words - LIST_WORDS) / (TOLD_WORDS - LIST_WORDS), 0, 1)
            if name in ("emptiness", "strayed"):
                recall = self.table.columns(["rare_recall"])[:, 0]
                certainty = certainty * np.clip(1 - recall / SUBSTANCE, 0, 1)
            scores -= certainty * np.maximum(0, scores - most)
        scores[self.table.silent] = 0.0
        return scores

    def _certainty(self, name: str, floors: Mapping[str, float]) -> Floats:
        if floors[name] >= 1:
            return np.zeros(len(self.table.rows))
        width = CEILINGS[name] - FLOORS[name]
        certainty: Floats = np.clip((self.likelihood[name] - floors[name]) / width, 0, 1)
        return certainty


def graded(table: Table) -> Bools:
    """The real answers with a grade by people."""
    kept: Bools = table.real & (table.of != "interview") & (table.weight > 0)
    return kept


def quality_of(table: Table, use: Bools) -> tuple[Floats, Floats]:
    """The quality of every row, whole and less its lists, by a model of the rows in use."""
    trees, line, agreement = train_trees(table, use), train_line(table, use), train_agreement(table, use)
    knots = np.array(line["knots"])

    def estimate(told: bool) -> Floats:
        x = table.columns(LINE, told=told)
        linear = (
            line["start"] + x @ np.array(line["weights"]) + np.minimum(x - knots, 0) @ np.array(line["bends"])
        )
        trust = np.minimum(1, SHORT_WORDS / np.maximum(1, table.columns(["reference"], told=told)[:, 0]))
        share = trust * TREES_SHARE
        mean = share * trees.predict(table.columns(TREES, told=told)) + (1 - share) * linear
        agrees = agreement.predict_proba(table.columns(AGREEMENT, told=told))[:, 1]
        worth = np.clip(mean + trust * AGREEMENT_WORTH * (agrees - AGREES), 0, 1)
        missing, named, entries = table.columns(["figures_missing", "entries_named", "entries"], told=told).T
        worth += named * ENTRIES_SHARE * (entries - worth)
        found: Floats = worth * (1 - FIGURES_WORTH * missing)
        return found

    return estimate(told=False), estimate(told=True)


def write_report(path: Path, table: Table, attacks: Attacks, samples: Attacks, usage: Usage) -> None:
    """Write the page; takes some minutes."""
    unseen = Unseen(table)
    scores = unseen.scores(FLOORS)
    sections = [
        INTRODUCTION,
        _targets(table, scores, attacks),
        _curve(unseen, attacks),
        _kinds(table, scores, attacks),
        _transfer(table, scores),
        _levels(samples, usage),
    ]
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


INTRODUCTION = """# The offline grader, measured

This page is written by `python -m evals.fit_offline DATA_DIR --report docs/offline-grader.md`, which also
fits `weights.json`; the data is not part of the repository. Every figure is for questions
that the model behind it had not seen: eight folds, and an assignment of the Mohler set or a question of the
others is never split over two of them. The attacks start from Mohler answers and are graded by the model
that had not seen their assignment; no attack of that file is used in fitting. The lists of words and the
grammar table (which kinds of word follow each other) are the same in all folds.

An answer's score is its quality beside the reference, less what doubts take: that it is a heap of keywords
(*salad*), that keywords were added to it (*stuffing*), that it denies what it should say (*denial*), that it
is talk without substance (*emptiness*), and that it answers another question (*strayed*). A doubt that is
certain leaves what a text of its kind is worth at most; stuffing leaves what is told beside the keywords.
The quality is learned from answers graded by people alone; the doubts are classifiers learned from answers
made to deceive, held against the real ones, and take nothing away until their likelihood passes a floor.
Beside a reference of three words or fewer *salad* takes nothing, for there a list of its words is the answer.
*Emptiness* and *strayed* take less the more of what is wanted an answer has, and nothing from half of it on.

A name is read as one and the same word, whatever it is and however many words it has: any word with a
capital that opens no sentence, unless the question, the reference or the key points know it.

Two rules of the quality are set by hand, since too few questions show them: where a question asks for
figures, an answer without any loses up to three tenths, and where it lists labels (item 4, item 5), half the
quality is how far each label is given what the reference gives it. Of the os set's four questions two are
of the first kind and one is of the second; saf has one of the first. The rules were found by reading just
these answers, so the figure for os, which rests on four questions, promises less than the others do.

The measures, the floors and what a doubted text is worth were chosen by these same figures, those on the
attacks included, so expect a little less on other questions and other attacks."""


def agreement(table: Table, scores: Floats, name: str) -> tuple[Floats, Floats]:
    """The grades and the scores of a set's real answers."""
    rows = table.real & (table.of == name)
    return table.grade[rows], scores[rows]


def pearson(a: Floats, b: Floats) -> float:
    """Pearson's correlation."""
    return float(np.corrcoef(a, b)[0, 1])


def rmse(a: Floats, b: Floats) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(np.mean((a - b) ** 2)))


def qwk(a: Floats, b: Floats) -> float:
    """Cohen's kappa with quadratic weights, over eleven steps."""
    x, y = (np.clip(np.rint(v * (QWK_STEPS - 1)), 0, QWK_STEPS - 1) for v in (a, b))
    expected = np.mean((x[:, None] - y[None, :]) ** 2)
    return float(1 - np.mean((x - y) ** 2) / expected)


def auc(positive: Bools, scores: Floats) -> float:
    """The chance that a positive answer outscores a negative one, a tie counting half."""
    ahead = scores[positive][:, None] - scores[~positive][None, :]
    return float(np.mean((ahead > 0) + 0.5 * (ahead == 0)))


def contradiction_auc(table: Table, scores: Floats, name: str) -> float:
    """How well a labelled set's correct answers are told from contradictory ones."""
    rows = table.real & (table.of == name) & np.isin(table.label, ("correct", "contradictory"))
    return auc(table.label[rows] == "correct", scores[rows])


def broken_rules(
    table: Table, scores: Floats, attacks: Attacks
) -> dict[str, list[tuple[bool, float, float]]]:
    """By kind of attack: whether its rule is broken, the score from 0 to 10, and its change."""
    after, before = (10 * scores[table.kind == kind] for kind in ("attack", "before attack"))
    kinds: dict[str, list[tuple[bool, float, float]]] = defaultdict(list)
    for attack, score, base in zip(attacks, after, before, strict=True):
        kinds[attack["kind"]].append((_breaks(attack, score, base), float(score), float(score - base)))
    return kinds


def _breaks(attack: Mapping[str, Any], score: float, base: float) -> bool:
    rules: dict[str, Callable[[], bool]] = {
        "max": lambda: score <= attack["max_score"],
        "drop": lambda: base - score >= attack["min_drop"],
        "same": lambda: abs(score - base) <= attack["tol"],
        "pair": lambda: abs(score - base) <= attack["tol"],
        "nogain": lambda: score - base <= attack["max_gain"],
    }
    return not rules[attack["rule"]]()


def macro(kinds: Mapping[str, Sequence[tuple[bool, float, float]]]) -> float:
    """The share of broken rules, averaged over kinds."""
    return float(np.mean([np.mean([broken for broken, _, _ in cases]) for cases in kinds.values()]))


def _targets(table: Table, scores: Floats, attacks: Attacks) -> str:
    lines = ["## Agreement", "", "| set | r | RMSE of 5 | weighted kappa |", "|---|---|---|---|"]
    for name in ("mohler", "saf", "os"):
        grades, own = agreement(table, scores, name)
        lines.append(
            f"| {name} | {pearson(grades, own):.3f} | {5 * rmse(grades, own):.3f} | {qwk(grades, own):.3f} |"
        )
    lines += ["", "| set | correct against contradictory, AUC |", "|---|---|"]
    lines += [
        f"| {name} | {contradiction_auc(table, scores, name):.3f} |" for name in ("scientsbank", "beetle")
    ]
    share = macro(broken_rules(table, scores, attacks))
    return "\n".join([*lines, "", f"Rules of the attack set broken, mean over kinds: {share:.1%}."])


def _curve(unseen: Unseen, attacks: Attacks) -> str:
    lines = [
        "## The trade-off between agreement and robustness",
        "",
        "The knob shifts the likelihoods from which *salad*, *stuffing*, *denial* and *strayed* begin to",
        "cost; with 1 they never do. Shipped: 0.",
        "",
        "| shift | Mohler r | SAF r | OS r | SciEntsBank AUC | Beetle AUC | rules broken |",
        "|---|---|---|---|---|---|---|",
    ]
    table = unseen.table
    for shift in KNOB:
        shifted = {name: floor + shift for name, floor in FLOORS.items() if name != "emptiness"}
        scores = unseen.scores({**FLOORS, **shifted})
        rs = [f"{pearson(*agreement(table, scores, name)):.3f}" for name in ("mohler", "saf", "os")]
        aucs = [f"{contradiction_auc(table, scores, name):.3f}" for name in ("scientsbank", "beetle")]
        broken = f"{macro(broken_rules(table, scores, attacks)):.1%}"
        lines.append(f"| {shift:+} | {' | '.join((*rs, *aucs, broken))} |")
    return "\n".join(lines)


def _kinds(table: Table, scores: Floats, attacks: Attacks) -> str:
    lines = [
        "## Attacks by kind",
        "",
        "| kind | cases | broken | mean score | mean change |",
        "|---|---|---|---|---|",
    ]
    for kind, cases in broken_rules(table, scores, attacks).items():
        broken, score, change = (np.mean([case[i] for case in cases]) for i in range(3))
        lines.append(f"| {kind} | {len(cases)} | {broken:.0%} | {score:.2f} | {change:+.2f} |")
    return "\n".join(lines)


def _transfer(table: Table, scores: Floats) -> str:
    lines = [
        "## What carries over to other sets",
        "",
        "The quality by a model that never saw the set, beside the cross-validated score.",
        "",
        "| set | r, set unseen | r, questions unseen |",
        "|---|---|---|",
    ]
    for name in ("mohler", "saf", "os"):
        blind, _ = quality_of(table, (table.of != name) & graded(table))
        without, within = (pearson(*agreement(table, s, name)) for s in (blind, scores))
        lines.append(f"| {name} | {without:.3f} | {within:.3f} |")
    return "\n".join(lines)


def _levels(samples: Attacks, usage: Usage) -> str:
    lines = [
        "## Interview answers by intended level",
        "",
        "Sample answers of `evals/data`, scored by key points from 0 to 10 by a model of other questions.",
    ]
    for title, names in (("With signals", POINT_NAMES), ("Plain key points", PLAIN_NAMES)):
        found = dict(_unseen_levels(samples, usage, names))
        lines += [
            "",
            f"{title}:",
            "",
            "| level | answers | mean | lowest tenth | highest tenth |",
            "|---|---|---|---|---|",
        ]
        for level in LEVELS:
            values = [found[s["id"]] for s in samples if s["meta"]["level"] == level]
            low, high = np.quantile(values, (0.1, 0.9))
            lines.append(f"| {level} | {len(values)} | {np.mean(values):.1f} | {low:.1f} | {high:.1f} |")
    return "\n".join(lines)


def _unseen_levels(samples: Attacks, usage: Usage, names: Sequence[str]) -> Iterator[tuple[str, float]]:
    """By sample: its score by key points before any doubt, by a model of other questions."""
    order = sorted({sample["question_id"] for sample in samples})
    for fold in range(FOLDS):
        inside = [order.index(sample["question_id"]) % FOLDS == fold for sample in samples]
        known = [sample for sample, out in zip(samples, inside, strict=True) if not out]
        w = train_points(point_data(known, usage, names))
        for sample, out in zip(samples, inside, strict=True):
            if out:
                x = point_columns(sample, usage, names, signals=names == POINT_NAMES)
                yield sample["id"], 10 * mean_point(w, x)
