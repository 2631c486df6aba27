"""Which differences between two runs are real, and which are noise; and the gates that a run has to pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

from evals.measures import Measure
from evals.results import GROUP, Results, ResultsError, tabulate_rows
from evals.statistics import DRAWS, Interval, paired_differences
from evals.tasks import TASKS, Evaluation

Verdict = Literal["better", "worse", "noise", "no interval", "the same", "changed"]
# A difference as small as this is rounding.
TINY = 5e-4


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of a measure from `a` to `b`, on the samples that both have graded."""

    measure: Measure
    a: float
    b: float
    gain: Interval
    verdict: Verdict

    @property
    def is_real(self) -> bool:
        """Whether it is more than chance would bring."""
        return self.verdict in ("better", "worse", "changed")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side. `caveats` say what makes them hard to compare."""

    a: Results
    b: Results
    samples: int
    differences: tuple[Difference, ...]
    caveats: tuple[str, ...]

    @property
    def worse(self) -> tuple[Difference, ...]:
        """What got worse beyond noise."""
        return tuple(each for each in self.differences if each.verdict == "worse")


def compare_results(a: Results, b: Results, draws: int = DRAWS) -> Comparison:
    """The paired bootstrap over what both have graded. Raises `ResultsError` if they are not of one task."""
    if a.task != b.task or a.task not in TASKS:
        raise ResultsError(f"expected two runs of one task, got {a.task} and {b.task}")
    task = TASKS[a.task]
    common = {row["id"] for row in a.rows} & {row["id"] for row in b.rows}
    if not common:
        raise ResultsError(f"expected runs over the same samples, got none in common ({a.task})")
    first, second = (
        tabulate_rows(
            sorted((row for row in one.rows if row["id"] in common), key=lambda row: str(row["id"]))
        )
        for one in (a, b)
    )
    before, after = task.measure(first), task.measure(second)
    gains = paired_differences(first, second, GROUP, task.measure, draws)
    differences = tuple(
        Difference(
            measure, before[measure.name], after[measure.name], gains[measure.name],
            judge_difference(measure, before[measure.name], after[measure.name], gains[measure.name]),
        )
        for measure in task.measures
        if measure.name in gains and not isnan(gains[measure.name].value)
    )  # fmt: skip
    return Comparison(a, b, len(common), differences, tuple(list_caveats(a, b, len(common))))


def judge_difference(measure: Measure, before: float, after: float, gain: Interval) -> Verdict:
    """Whether the 95 % interval of the difference leaves out nought, and if so which way."""
    if abs(gain.value) < TINY:
        return "the same"
    if isnan(gain.low):
        return "no interval"
    if gain.low <= 0 <= gain.high:
        return "noise"
    if measure.better == "none":
        return "changed"
    loss = measure.loss(after) - measure.loss(before)
    if abs(loss) < TINY:
        return "changed"
    return "worse" if loss > 0 else "better"


def list_caveats(a: Results, b: Results, common: int) -> list[str]:
    """What stands in the way of a comparison."""
    found = []
    if a.task_version != b.task_version:
        found.append(f"the task changed: version {a.task_version} and {b.task_version}")
    if a.versions.get("dataset_sha256") != b.versions.get("dataset_sha256"):
        found.append("the datasets are not the same")
    for name, one in (("first", a), ("second", b)):
        if len(one.rows) > common:
            found.append(f"{len(one.rows) - common} samples are in the {name} run alone, and left out")
        if one.ungraded:
            found.append(f"the {name} run has {one.ungraded} trials without a grade")
    return found


def describe_comparison(comparison: Comparison) -> str:
    """The comparison as text."""
    names = (comparison.a.versions.get("model"), comparison.b.versions.get("model"))
    lines = [
        f"{comparison.a.task}: {names[0]} → {names[1]}, on {comparison.samples} samples",
        f"{'measure':24} {'before':>8} {'after':>8} {'difference':>11}   95 % interval",
    ]
    lines += [_describe(each) for each in comparison.differences]
    lines += [f"note: {caveat}" for caveat in comparison.caveats]
    return "\n".join(lines)


def _describe(each: Difference) -> str:
    interval = "" if isnan(each.gain.low) else f"[{each.gain.low:+.3f}, {each.gain.high:+.3f}]"
    name = each.measure.name
    word = f"real: {each.verdict}" if each.is_real else each.verdict
    return f"{name:24} {each.a:8.3f} {each.b:8.3f} {each.gain.value:+11.3f}   {interval:18} {word}"


@dataclass(frozen=True, slots=True)
class Gate:
    """A bound that a measure has to keep."""

    measure: str
    side: Literal["min", "max"]
    bound: float

    def judge(self, results: Results) -> str | None:
        """What is wrong, if the bound is not kept; a measure without a value keeps no bound."""
        if self.measure == "ungraded":
            value = results.ungraded_share
        else:
            value = results.figures[self.measure].value if self.measure in results.figures else float("nan")
        kept = value >= self.bound if self.side == "min" else value <= self.bound
        if kept:
            return None
        told = "could not be measured" if isnan(value) else f"is {value:.3f}"
        word = "at least" if self.side == "min" else "at most"
        return f"{self.measure} {told}, expected {word} {self.bound:g}"


def read_gates(arguments: Sequence[str], task: Evaluation) -> list[Gate]:
    """The gates that options such as `--min-qwk 0.6` set. Raises `ResultsError` for anything else."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    names = _gate_names(task)
    gates = []
    for option, bound in zip(words[::2], [*words[1::2], None], strict=False):
        if option not in names:
            raise ResultsError(f"{option}: expected an option, or a gate of {task.name}: {', '.join(names)}")
        try:
            gates.append(Gate(names[option][0], names[option][1], float(bound or "")))
        except ValueError:
            raise ResultsError(f"{option}: expected a number, got {bound or 'nothing'!r}") from None
    return gates


def _gate_names(task: Evaluation) -> Mapping[str, tuple[str, Literal["min", "max"]]]:
    """The gates that make sense: a least value where higher is better, and a greatest where lower is."""
    names: dict[str, tuple[str, Literal["min", "max"]]] = {}
    for measure in task.measures:
        option = measure.name.replace("_", "-")
        if measure.better in ("higher", "zero", "one"):
            names[f"--min-{option}"] = (measure.name, "min")
        if measure.better in ("lower", "zero", "one"):
            names[f"--max-{option}"] = (measure.name, "max")
    return names | {"--max-ungraded": ("ungraded", "max")}
