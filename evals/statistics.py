"""The statistics of the evaluations, each by its published definition; NaN where one is not defined.

Agreement: Pearson's r, Spearman's rho, and Cohen's kappa with quadratic weights (Cohen, 1968). Repeatability:
the intraclass correlations ICC(2,1) and ICC(3,1) of Shrout and Fleiss (1979). Intervals come from the
bootstrap (Efron, 1979) over clusters: all answers to one question are drawn together, since they are not
independent of each other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Table = Mapping[str, NDArray[Any]]
Measuring = Callable[[Table], Mapping[str, float]]

DRAWS = 1000
SEED = 1
LEVELS = 11  # whole scores from 0 to 10
# The middle share of the draws that an interval holds.
CONFIDENCE = 0.95
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the bounds of its 95 % interval; the bounds are NaN where too few draws have a value."""

    value: float
    low: float
    high: float


def pearson(x: Floats, y: Floats) -> float:
    """The linear correlation; NaN if either side does not vary."""
    if len(x) < 2:
        return NAN
    a, b = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 1e-12 else NAN


def spearman(x: Floats, y: Floats) -> float:
    """The correlation of the ranks; equals share their mean rank."""
    return pearson(_rank(x), _rank(y))


def weighted_kappa(x: Floats, y: Floats, levels: int = LEVELS) -> float:
    """Cohen's kappa with quadratic weights, of values from 0 to 1 put into so many levels."""
    if not len(x):
        return NAN
    a, b = (np.clip(np.rint(side * (levels - 1)), 0, levels - 1) for side in (x, y))
    observed = float(np.mean((a - b) ** 2))
    # The mean over all pairs of an x and a y, which is what chance would leave.
    expected = float(np.mean(a**2) + np.mean(b**2) - 2 * a.mean() * b.mean())
    return 1 - observed / expected if expected > 1e-12 else NAN


def rmse(x: Floats, y: Floats) -> float:
    """The root of the mean squared difference."""
    return float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else NAN


def bias(x: Floats, y: Floats) -> float:
    """The mean of what x gives more than y."""
    return float(np.mean(x - y)) if len(x) else NAN


def icc(ratings: Floats, *, fixed: bool = False) -> float:
    """ICC(2,1) of a matrix with one row a target and one column a rater; ICC(3,1) if the raters are fixed.

    Both are about a single rating: the first counts it against the raters that one is stricter than
    another, the second does not.
    """
    n, k = ratings.shape
    if n < 2 or k < 2:
        return NAN
    mean = ratings.mean()
    targets = k * float(np.sum((ratings.mean(axis=1) - mean) ** 2)) / (n - 1)
    raters = n * float(np.sum((ratings.mean(axis=0) - mean) ** 2)) / (k - 1)
    rest = float(np.sum((ratings - ratings.mean(axis=1, keepdims=True) - ratings.mean(axis=0) + mean) ** 2))
    error = rest / ((n - 1) * (k - 1))
    strictness = 0.0 if fixed else k * (raters - error) / n
    whole = targets + (k - 1) * error + strictness
    return (targets - error) / whole if whole > 1e-12 else NAN


def mean(values: NDArray[Any]) -> float:
    """The mean of what is known."""
    known = values[~np.isnan(values)] if len(values) else values
    return float(known.mean()) if len(known) else NAN


def tabulate(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows as columns: numbers and truths as floats (NaN: absent), anything else as text."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def with_intervals(
    table: Table, cluster: str, measure: Measuring, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Interval]:
    """Each measure with its bootstrap interval over the clusters that a column names."""
    values = dict(measure(table))
    drawn = [dict(measure(each)) for each in _resample(table, cluster, draws, seed)]
    return {name: _interval(value, [one.get(name, NAN) for one in drawn]) for name, value in values.items()}


def paired_differences(
    a: Table, b: Table, cluster: str, measure: Measuring, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Interval]:
    """What each measure gains from `a` to `b`, two tables about the same samples in the same order.

    Each draw takes the same clusters of both, so that what makes a question easy or hard cancels out.
    """
    before, after = measure(a), measure(b)
    b = {**b, cluster: a[cluster]}
    drawn = [
        (measure(one), measure(two))
        for one, two in zip(
            _resample(a, cluster, draws, seed), _resample(b, cluster, draws, seed), strict=True
        )
    ]
    return {
        name: _interval(
            after[name] - before[name], [two.get(name, NAN) - one.get(name, NAN) for one, two in drawn]
        )
        for name in before
        if name in after
    }


def _rank(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[places]
    return ranks


def _column(values: list[Any]) -> NDArray[Any]:
    if all(value is None or isinstance(value, (bool, int, float)) for value in values):
        return np.array([NAN if value is None else float(value) for value in values])
    return np.array(["" if value is None else str(value) for value in values], dtype=object)


def _resample(table: Table, cluster: str, draws: int, seed: int) -> Iterator[Table]:
    _, codes = np.unique(table[cluster].astype(str), return_inverse=True)
    members = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)] if len(codes) else []
    if len(members) < 2:
        return  # one question says nothing about others
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        chosen = generator.integers(0, len(members), len(members))
        places = np.concatenate([members[code] for code in chosen])
        yield {name: column[places] for name, column in table.items()}


def _interval(value: float, drawn: Sequence[float]) -> Interval:
    known = np.array([one for one in drawn if not np.isnan(one)])
    if len(known) < max(len(drawn) / 2, 1):
        return Interval(value, NAN, NAN)
    edge = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(known, [edge, 100 - edge])
    return Interval(value, float(low), float(high))
