"""Outcomes become facts, facts become figures, figures become a report and a verdict."""

import asyncio
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import structlog
from evaluating import BAD, GOOD, HALF, POINTS, make_answers, offline_engine, write_rows

import prompts
from agent.engines import build_engine
from agent.settings import Settings
from api.cli import main
from evals.candidates import Plan, plan_interviews
from evals.compare import compare_results, describe_comparison, judge_difference, read_gates
from evals.datasets import AttackRow, InterviewRow, InterviewTurn, PairRow, Rule, shipped
from evals.estimates import Estimate, estimate_run
from evals.interviews import hold_interview
from evals.measures import Direction, Measure, impact_ratios
from evals.orders import make_order
from evals.replies import KeptEngine
from evals.report import list_blocks, render_html, render_markdown, title_of, write_report
from evals.results import Results, ResultsError, Trial, merge_repeats, sum_up, tabulate_rows
from evals.running import run_plainly
from evals.scorers import Facts, judge_attack, judge_pair
from evals.statistics import Interval
from evals.tasks import TASKS
from evals.trials import question_of
from prompts import PromptError, choose_version, load_prompt, versions_in_use


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Without the service's log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


def graded(score: float) -> dict[str, Any]:
    """An evaluation as an outcome holds it."""
    return {"score": round(score), "unrounded": score, "feedback": "So.", "evidence": [], "missing": []}


def attack(rule: Rule, **bounds: float) -> AttackRow:
    """An attack by a rule."""
    plain = AttackRow("x", "kind", "max", "Why?", "a", reference_answer="So.", max_score=0)
    return replace(plain, rule=rule, base_answer="b", pair_answer="p", **bounds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "score", "other", "broken"),
    [
        (attack("max", max_score=2), 2, None, False),
        (attack("max", max_score=2), 2.1, None, True),
        (attack("drop", min_drop=3), 5, 8, False),
        (attack("drop", min_drop=3), 5.1, 8, True),
        (attack("nogain", max_gain=0.5), 4.5, 4, False),
        (attack("nogain", max_gain=0.5), 4.6, 4, True),
        (attack("same", tol=1), 3, 4, False),
        (attack("same", tol=1), 5.1, 4, True),
        (attack("pair", tol=1), 2.9, 4, True),
    ],
)
def test_an_attack_is_judged_by_its_rule(
    row: AttackRow, score: float, other: float | None, broken: bool
) -> None:
    side = "pair" if row.rule == "pair" else "base"
    outcome = {"answer": graded(score)} | ({side: graded(other)} if other is not None else {})
    assert judge_attack(row, outcome)["broken"] is broken


def test_the_impact_ratio_is_the_groups_pass_rate_by_that_of_its_pairs() -> None:
    row = PairRow("1", "women", "name", "Why?", "So.", "a", "b")
    pairs = [(7.0, 7.0), (7.0, 5.0), (7.0, 5.0), (8.0, 6.0), (2.0, 2.0)]
    facts = [
        judge_pair(replace(row, id=str(n)), {"a": graded(a), "b": graded(b)})
        for n, (a, b) in enumerate(pairs)
    ]
    assert impact_ratios(tabulate_rows(facts)) == {"women": pytest.approx(2 / 4)}
    figures = TASKS["fairness"].measure(tabulate_rows(facts))
    assert figures["difference"] == pytest.approx(-6 / 5)
    assert figures["apart"] == pytest.approx(3 / 5)


def test_repeats_are_merged_and_their_spread_is_kept() -> None:
    trials = [Trial("a", n, {"id": "a", "group": "q", "score": score}) for n, score in ((2, 6.0), (1, 4.0))]
    trials += [Trial("b", n, {"id": "b", "group": "r", "score": 5.0}) for n in (1, 2)]
    rows = merge_repeats([*trials, Trial("c", 1, None, "no answer")])
    assert [(row["id"], row["score"], row["score_1"], row["score_2"]) for row in rows] == [
        ("a", 5.0, 4.0, 6.0),
        ("b", 5.0, 5.0, 5.0),
    ]
    figures = TASKS["stability"].measure(tabulate_rows(rows))
    assert figures["spread"] == pytest.approx(2**0.5 / 2)
    assert figures["widest"] == 2
    assert figures["same"] == 0.5


def test_a_trial_without_a_grade_is_counted_and_is_in_no_figure() -> None:
    facts = {"id": "a", "group": "q", "human": 0.5, "score": 5.0, "whole": 5}
    trials = [Trial("a", 1, facts), Trial("b", 1, None, "no answer"), Trial("c", 1, None, "no answer")]
    results = sum_up(TASKS["agreement"], trials, offline_engine(), {}, 1)
    assert results.failures == {"no answer": 2}
    assert results.figures["rmse"].value == 0
    assert results.ungraded_share == pytest.approx(2 / 3)


def measure(name: str, tmp_path: Path, rows: list[dict[str, Any]] | None = None) -> Results:
    """What the offline engine reaches on some rows, or on ours."""
    data = write_rows(tmp_path / "rows.jsonl", rows) if rows else None
    order = make_order(TASKS[name], data, None, 1, 1, tmp_path)
    engine = offline_engine()
    trials = asyncio.run(run_plainly(order.task, order.rows, engine))
    return replace(sum_up(order.task, trials, engine, order.versions, 1), made_at="2026-01-01")


PAIR = {
    "id": "p",
    "group": "women",
    "attribute": "name",
    "question": "Why use an index?",
    "a": GOOD,
    "b": BAD,
}
STORY = {
    "id": "s",
    "question": "Tell me about a deadline.",
    "framework": "CAR",
    "answer": "The release was late. I cut the scope with the team. We shipped on time.",
    "parts": {"challenge": [[0, 21]], "action": [[22, 52]], "result": [[53, 72]]},
}
ATTACK = {"id": "k", "kind": "off topic", "rule": "max", "max_score": 0, "question": "Why use an index?",
          "key_points": POINTS, "answer": GOOD}  # fmt: skip
DATA: dict[str, list[dict[str, Any]]] = {
    "agreement": make_answers(6),
    "stability": make_answers(6),
    "evidence": make_answers(6),
    "follow-ups": make_answers(6),
    "attacks": [ATTACK, ATTACK | {"id": "l", "answer": BAD}],
    "fairness": [PAIR | {"reference_answer": GOOD}, PAIR | {"id": "q", "reference_answer": GOOD, "b": HALF}],
    "parts": [STORY],
}


@pytest.mark.parametrize("name", sorted(DATA))
def test_every_task_has_a_report_in_html_and_markdown(name: str, tmp_path: Path) -> None:
    results = measure(name, tmp_path, DATA[name])
    page = write_report(results, tmp_path).read_text()
    text = (tmp_path / "report.md").read_text()
    for word in ("Figures", "Versions", "engine_code", "dataset_sha256", TASKS[name].measures[0].name):
        assert word in page
        assert word in text
    assert "nan" not in page.casefold().replace("governance", "")
    for plot in (tmp_path / "plots").glob("*.svg") if (tmp_path / "plots").exists() else ():
        assert f"plots/{plot.name}" in text
        assert "<style>" in plot.read_text()


def test_what_an_answer_says_cannot_act_in_a_report(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> | `x` ![a](http://e.org/x.png)"
    rows = [row | {"answer": evil, "id": f"{row['id']}<b>"} for row in make_answers(3)]
    results = measure("agreement", tmp_path, rows)
    blocks = list_blocks(results)
    page, text = render_html(title_of(results), blocks), render_markdown(title_of(results), blocks)
    assert "<script" not in page
    assert "<script" not in text
    assert "![a]" not in text
    assert "&lt;script&gt;" in page


def test_our_own_scores_are_not_passed_off_as_peoples_ratings(tmp_path: Path) -> None:
    shutil.copy(shipped("answers"), tmp_path / "copy.jsonl")
    order = make_order(TASKS["agreement"], tmp_path / "copy.jsonl", None, 1, 1, tmp_path)
    trials = asyncio.run(run_plainly(order.task, order.rows[:6], offline_engine()))
    page = write_report(sum_up(order.task, trials, offline_engine(), order.versions, 1), tmp_path).read_text()
    assert "Nobody else has rated them" in page
    assert (
        "Nobody else"
        not in write_report(measure("agreement", tmp_path, make_answers(3)), tmp_path).read_text()
    )


def test_fairness_is_not_passed_off_as_a_bias_audit(tmp_path: Path) -> None:
    page = write_report(measure("fairness", tmp_path, DATA["fairness"]), tmp_path).read_text()
    assert "no statutory bias audit" in page
    assert "impact ratio" in page


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    results = measure("agreement", tmp_path, make_answers(3))  # one question, so intervals are NaN
    results.save(tmp_path / "results.json")
    again = Results.load(tmp_path)
    assert again.rows == results.rows
    assert again.figures["rmse"].value == results.figures["rmse"].value
    assert isnan(again.figures["rmse"].low)
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(ResultsError, match="format 1"):
        Results.load(tmp_path)


@pytest.mark.parametrize(
    ("better", "before", "after", "interval", "verdict"),
    [
        ("higher", 0.5, 0.7, (0.1, 0.3), "better"),
        ("higher", 0.7, 0.5, (-0.3, -0.1), "worse"),
        ("higher", 0.5, 0.6, (-0.1, 0.3), "noise"),
        ("lower", 0.1, 0.2, (0.05, 0.15), "worse"),
        ("zero", 0.2, 0.0, (-0.3, -0.1), "better"),
        ("zero", 0.0, -0.2, (-0.3, -0.1), "worse"),
        ("one", 0.8, 1.0, (0.1, 0.3), "better"),
        ("none", 0.8, 1.0, (0.1, 0.3), "changed"),
        ("higher", 0.5, 0.5, (0.0, 0.0), "the same"),
        ("higher", 0.5, 0.9, (float("nan"), float("nan")), "no interval"),
    ],
)
def test_a_difference_is_real_if_its_interval_leaves_out_nought(
    better: Direction, before: float, after: float, interval: tuple[float, float], verdict: str
) -> None:
    gain = Interval(after - before, *interval)
    assert judge_difference(Measure("m", "says", better), before, after, gain) == verdict


def test_a_comparison_says_what_is_real_and_what_was_left_out(tmp_path: Path) -> None:
    a = measure("agreement", tmp_path, make_answers(30))
    flat = replace(a, rows=[row | {"score": 5.0 + n % 2} for n, row in enumerate(a.rows)][:-3])
    told = describe_comparison(compare_results(a, flat))
    assert "real: worse" in told
    assert "3 samples are in the first run alone" in told
    with pytest.raises(ResultsError, match="one task"):
        compare_results(a, replace(a, task="attacks"))


def test_gates_hold_every_measure_that_has_a_better_side(tmp_path: Path) -> None:
    results = measure("agreement", tmp_path, make_answers(6))
    gates = read_gates(["--min-qwk", "0.1", "--max-rmse=0.01", "--max-ungraded", "0"], TASKS["agreement"])
    assert [gate.judge(results) is None for gate in gates] == [True, False, True]
    for option in ("--max-qwk", "--min-rmse", "--min-people-qwk"):
        with pytest.raises(ResultsError, match="expected an option"):
            read_gates([option, "1"], TASKS["agreement"])


def record(plan: Plan) -> InterviewRow:
    """An interview with a simulated candidate, as a recording."""
    held = asyncio.run(hold_interview(plan, offline_engine()))["interview"]
    turns = tuple(
        InterviewTurn(
            turn["question"]["text"], turn["question"]["rubric"], turn["question"]["kind"], turn["answer"],
            turn["evaluation"]["score"],
        )
        for turn in held["turns"]
    )  # fmt: skip
    return InterviewRow(plan.id, plan.config, turns, {"seed": plan.seed})


def replay(row: InterviewRow) -> Facts:
    """What a replay of a recording comes to."""
    (trial,) = asyncio.run(run_plainly(TASKS["replay"], [row], offline_engine()))
    assert trial.facts is not None
    return trial.facts


def test_a_replay_goes_the_same_way_and_tells_what_changed_in_words() -> None:
    row = record(next(plan for plan in plan_interviews() if plan.id == "weak-3"))
    assert [turn.kind for turn in row.turns] == ["main", "follow_up"] * 3
    same = replay(row)
    assert (same["same_route"], same["graded"], same["same_scores"], same["details"]["diff"]) == (
        True,
        6,
        6,
        [],
    )
    first, asked, *rest = row.turns
    scored = replay(replace(row, turns=(replace(first, score=10), asked, *rest)))
    assert scored["same_scores"] == 5
    assert scored["details"]["diff"] == [f"question 1: scored 10, now {first.score}"]
    unasked = replay(replace(row, turns=(first, *rest)))
    assert not unasked["same_route"]
    assert unasked["details"]["diff"] == [
        f"question 1, follow-up 1: was not asked, and is now: {asked.question}"
    ]
    left = replay(replace(row, turns=(first, replace(asked, answer=None, score=None))))
    assert (left["same_route"], left["details"]["diff"]) == (True, [])


@pytest.mark.parametrize("name", sorted(TASKS))
def test_what_a_paid_run_costs_is_told_before_it_starts(name: str) -> None:
    settings = Settings.model_validate({"OPENAI_API_KEY": "sk-test"})
    order = make_order(TASKS[name], None, None, None, 10, Path())

    def estimate(model: str) -> Estimate:
        engine = KeptEngine(build_engine(f"openai:{model}", settings), settings, None)
        return estimate_run(order.task, order.rows, order.repeats, engine, order.at_once)

    cheap, dear, unknown = map(estimate, ("gpt-4o-mini", "gpt-4o", "my-own"))
    assert cheap.calls >= len(order.rows) * order.repeats
    assert 0 < (cheap.cost_usd or 0) < (dear.cost_usd or 0)
    assert unknown.cost_usd is None
    assert "price that is not known" in str(unknown)
    assert "USD" in str(cheap)
    assert "minutes" in str(cheap)


def test_a_question_of_the_bank_is_held_against_its_own_rubric() -> None:
    order = make_order(TASKS["agreement"], None, None, 1, 1, Path())
    row = next(each for each in order.rows if each.question_id == "python-generators")
    known = question_of(row.question, row.key_points, None)
    assert known.rubric.key_points[0].signals
    assert known.rubric.key_points[0].probe
    assert not question_of(row.question, ["Something else"], None).source


def test_a_chosen_prompt_version_is_used_and_asked_for_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "prompts"
    shutil.copytree(Path(prompts.__file__).parent, folder)
    text = (folder / "evaluate_answer" / "v1.md").read_text()
    (folder / "evaluate_answer" / "v2.md").write_text(text.replace("You grade", "You now grade"))
    monkeypatch.setattr(prompts, "_FOLDER", folder)
    try:
        choose_version("evaluate_answer", 2)
        assert load_prompt("evaluate_answer").system.startswith("You now grade")
        assert versions_in_use()["evaluate_answer"] == 2
    finally:
        choose_version("evaluate_answer", None)
    assert load_prompt("evaluate_answer").version == 1
    with pytest.raises(PromptError, match="version 99"):
        choose_version("evaluate_answer", 99)


@pytest.mark.parametrize("arguments", [("list",), ("run", "agreement"), ("view",)])
def test_without_the_extra_a_sentence_says_how_to_get_it(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evals.cli.find_spec", lambda _: None)
    monkeypatch.setattr("sys.argv", ["interviewer", "eval", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert "make install" in capsys.readouterr().err
