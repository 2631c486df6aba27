"""A change that makes the offline engine worse than noise does not pass; `make baselines` accepts one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from evals.baseline import MEASURED, measure_offline, path_of
from evals.compare import compare_results, describe_comparison
from evals.results import Results
from evals.scorers import Facts
from evals.tasks import TASKS

DRAWS = 300


@pytest.fixture(scope="module")
def replies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where replies are kept, since several tasks ask the same."""
    return tmp_path_factory.mktemp("replies") / "replies.db"


@pytest.mark.parametrize("name", MEASURED)
def test_the_offline_engine_is_not_worse_than_its_baseline(name: str, replies: Path) -> None:
    baseline = Results.load(path_of(TASKS[name]))
    now = measure_offline(TASKS[name], replies)
    assert now.failures == {}
    comparison = compare_results(baseline, now, DRAWS)
    assert not comparison.worse, describe_comparison(comparison)


def worsened(results: Results, changes: Mapping[str, float]) -> Results:
    """The results as if an engine scored these answers otherwise."""

    def change(row: Facts) -> Facts:
        score = changes.get(str(row["id"]), float(row["score"]))
        return row | {"score": score, "whole": round(score)}

    return replace(results, rows=[change(row) for row in results.rows])


def test_an_engine_that_gives_everybody_the_same_is_worse_than_the_baseline() -> None:
    baseline = Results.load(path_of(TASKS["agreement"]))
    flat = worsened(baseline, {row["id"]: 5.0 + n % 2 for n, row in enumerate(baseline.rows)})
    worse = {each.measure.name for each in compare_results(baseline, flat, DRAWS).worse}
    assert {"pearson", "spearman", "qwk", "rmse"} <= worse


def test_one_answer_scored_otherwise_is_noise() -> None:
    baseline = Results.load(path_of(TASKS["agreement"]))
    other = worsened(baseline, {baseline.rows[0]["id"]: 6.0})
    assert not compare_results(baseline, other, DRAWS).worse
