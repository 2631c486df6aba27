"""The statistics give the values that their authors published, or that can be worked out by hand."""

from math import isnan, sqrt

import numpy as np
import pytest

from evals.statistics import (
    Table,
    bias,
    icc,
    paired_differences,
    pearson,
    rmse,
    spearman,
    tabulate,
    weighted_kappa,
    with_intervals,
)

# Shrout and Fleiss (1979), table 2: six targets, four judges.
SHROUT_FLEISS = np.array([
    [9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7],
], dtype=float)  # fmt: skip


def test_the_intraclass_correlations_are_those_of_shrout_and_fleiss() -> None:
    assert icc(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)
    assert icc(SHROUT_FLEISS, fixed=True) == pytest.approx(0.71, abs=0.005)


def test_repeats_without_any_spread_are_perfectly_reliable_and_one_target_says_nothing() -> None:
    assert icc(np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]])) == pytest.approx(1)
    assert isnan(icc(np.array([[1.0, 2.0]])))
    assert isnan(icc(np.full((4, 3), 7.0)))


def test_a_stricter_rater_costs_agreement_but_not_consistency() -> None:
    ratings = np.array([[1.0, 3.0], [4.0, 6.0], [7.0, 9.0]])
    assert icc(ratings, fixed=True) == pytest.approx(1)
    assert icc(ratings) == pytest.approx(9 / 11)  # 9 between the targets, 2 between the raters


def test_kappa_is_one_for_agreement_nought_for_chance_and_weighs_far_misses_more() -> None:
    grades = np.array([0.0, 0.5, 1.0])
    assert weighted_kappa(grades, grades) == 1
    crossed = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    assert weighted_kappa(*crossed) == pytest.approx(0)
    near, far = np.array([0.1, 0.5, 1.0]), np.array([1.0, 0.5, 1.0])
    assert weighted_kappa(grades, near) > weighted_kappa(grades, far)


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    # Three levels; disagreements 1 apart: 2 of 6. Chance leaves a mean square of 4/3.
    a = np.array([0, 0, 1, 1, 2, 2]) / 2
    b = np.array([0, 1, 1, 2, 2, 2]) / 2
    chance = np.mean([(x - y) ** 2 for x in 2 * a for y in 2 * b])
    assert weighted_kappa(a, b, levels=3) == pytest.approx(1 - (2 / 6) / chance)


def test_correlations_know_lines_ranks_and_ties() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    assert pearson(x, 3 * x + 1) == pytest.approx(1)
    assert spearman(x, x**3) == pytest.approx(1)
    assert pearson(x, np.array([2.0, 1.0, 4.0, 3.0])) == pytest.approx(0.6)
    assert spearman(np.array([1.0, 2.0, 2.0, 3.0]), x) == pytest.approx(3 / sqrt(10))  # ties share a rank
    assert isnan(pearson(x, np.ones(4)))


def test_bias_is_what_the_first_gives_more() -> None:
    assert bias(np.array([0.5, 0.7]), np.array([0.4, 0.4])) == pytest.approx(0.2)
    assert rmse(np.array([0.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(sqrt(12.5))


def measure_mean(table: Table) -> dict[str, float]:
    """The mean of the column `x`."""
    return {"mean": float(table["x"].mean())}


def test_an_interval_over_questions_is_wider_than_one_that_takes_answers_for_independent() -> None:
    rows = [{"q": f"q{n}", "id": f"{n}-{k}", "x": float(n)} for n in range(10) for k in range(20)]
    by_question = with_intervals(tabulate(rows), "q", measure_mean)["mean"]
    by_answer = with_intervals(tabulate(rows), "id", measure_mean)["mean"]
    assert by_question.value == by_answer.value == 4.5
    assert by_question.high - by_question.low > 3 * (by_answer.high - by_answer.low)
    # The standard error of ten questions is sqrt(8.25 / 10); the interval is about 1.96 of it to each side.
    assert by_question.high - 4.5 == pytest.approx(1.96 * sqrt(8.25 / 10), rel=0.15)


def test_one_question_has_no_interval() -> None:
    only = with_intervals(tabulate([{"q": "a", "x": 1.0}, {"q": "a", "x": 2.0}]), "q", measure_mean)["mean"]
    assert only.value == 1.5
    assert isnan(only.low)
    assert isnan(only.high)


def test_a_paired_difference_is_sharper_than_the_difference_of_two_intervals() -> None:
    rows = [{"q": f"q{n}", "x": float(n)} for n in range(30)]
    better = [row | {"x": float(str(row["x"])) + 0.5 + 0.01 * (n % 3)} for n, row in enumerate(rows)]
    gain = paired_differences(tabulate(rows), tabulate(better), "q", measure_mean)["mean"]
    assert gain.value == pytest.approx(0.51)
    assert 0.49 < gain.low <= gain.high < 0.53
