"""The run of an evaluation as its user sees it: what it will cost, how far it is, what it found, and whether
that is good enough."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
import typer

from evals.compare import Comparison, Gate, compare_results, describe_comparison
from evals.estimates import estimate_run
from evals.orders import Order, open_engine
from evals.progress import show_progress
from evals.replies import DEFAULT_PLACE, KeptEngine
from evals.report import show_interval, show_value, write_report
from evals.results import FILE, Results
from evals.running import Interrupted, Watch, run_order

INTERRUPTED = 130


def run_task(
    order: Order, model: str, prompts: Sequence[str], gates: Sequence[Gate], baseline: Path | None
) -> bool:
    """Run it, write everything down, and tell whether the gates are kept and nothing got worse.

    Raises `SettingsError` or `ResultsError` before anything is asked.
    """
    _keep_quiet()
    before = Results.load(baseline) if baseline else None
    engine = open_engine(model, prompts, DEFAULT_PLACE)
    order.out.mkdir(parents=True, exist_ok=True)
    results = _run(order, engine)
    results.save(order.out / FILE)
    page = write_report(results, order.out)
    _tell(describe_results(results, order))
    comparison = compare_results(before, results) if before else None
    faults = judge_results(results, gates, comparison)
    if comparison:
        _tell(describe_comparison(comparison))
    for fault in faults:
        _tell(f"failed: {fault}")
    _tell(f"see {page}")
    return not faults


def judge_results(results: Results, gates: Sequence[Gate], comparison: Comparison | None) -> list[str]:
    """What keeps the results from being good enough."""
    faults = [fault for gate in gates if (fault := gate.judge(results)) is not None]
    if not results.rows:
        faults.append("nothing could be graded")
    return faults + [
        f"{each.measure.name} is worse than the baseline: {each.a:.3f} before, {each.b:.3f} now"
        for each in (comparison.worse if comparison else ())
    ]


def describe_results(results: Results, order: Order) -> str:
    """The figures as text."""
    times = f", each {results.repeats} times" if results.repeats > 1 else ""
    lines = [f"{results.task} of {results.versions['model']}: {results.samples} samples{times}"]
    for measure in order.task.measures:
        figure = results.figures.get(measure.name)
        if figure is not None and figure.value == figure.value:
            value, interval = show_value(measure, figure.value), show_interval(measure, figure)
            lines.append(f"  {measure.name:22} {value:>8}   {interval:20}  {measure.says}")
    if results.ungraded:
        lines.append(f"  {results.ungraded} trials have no grade, and are in no figure:")
        lines += [f"  {count:6} × {error}" for error, count in results.failures.items()]
    spent = results.spent
    cost = f", {spent['cost_usd']:.4f} USD" if spent["cost_usd"] else ""
    unpriced = f" and {spent['unpriced']} replies whose price is not known" if spent["unpriced"] else ""
    asked = f"{spent['asked']} replies asked for, {spent['kept']} kept from before"
    return "\n".join([*lines, f"  {asked}, {spent['seconds']} seconds{cost}{unpriced}"])


def _run(order: Order, engine: KeptEngine) -> Results:
    total = len(order.rows) * order.repeats
    if engine.name != "offline":
        estimate = estimate_run(order.task, order.rows, order.repeats, engine, order.at_once)
        _tell(f"{order.task.name} of {engine.name}: {estimate}")
    with show_progress(order.task.name, total) as told:
        try:
            return run_order(order, engine, Watch(total, told))
        except Interrupted as error:
            _tell(f"{error}; the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from None


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _keep_quiet() -> None:
    """Failures are counted and shown with the results; only faults of our own are worth a line."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
