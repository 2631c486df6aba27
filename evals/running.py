"""Runs of an evaluation: by Inspect, which does them side by side and keeps a log that its viewer shows."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from anyio import CancelScope
from inspect_ai import Task
from inspect_ai import eval as run_inspect
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import (
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    Value,
    metric,
    scorer,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from agent.errors import EngineFailed
from evals.orders import Order
from evals.replies import KeptEngine
from evals.results import Results, ResultsError, Trial, merge_repeats, sum_up, tabulate_rows
from evals.scorers import Facts
from evals.tasks import Evaluation
from evals.trials import Outcome

LOGS = "logs"
# Seconds to wait before asking once more, when asking once more can help.
PAUSES = (1.0, 3.0, 9.0)
# After so many failures without a success nobody waits any more; what is left is told sooner.
HOPELESS = 20


class Interrupted(Exception):
    """The run was stopped; the message says how far it came."""


@dataclass
class Watch:
    """How far a run has come; `told` hears of every step."""

    total: int
    told: Callable[[int, int], None] = lambda _done, _failed: None
    failed: int = 0
    failures_in_a_row: int = 0
    trials: list[Trial] = field(default_factory=list)

    def note(self, trial: Trial) -> None:
        """Count a trial that came to its end."""
        self.trials.append(trial)
        self.failures_in_a_row = self.failures_in_a_row + 1 if trial.error else 0
        self.failed += bool(trial.error)
        self.told(self.done, self.failed)

    @property
    def done(self) -> int:
        """How many trials have come to their end."""
        return len(self.trials)

    @property
    def is_hopeless(self) -> bool:
        """Whether there is no point in waiting for anything."""
        return self.failures_in_a_row >= HOPELESS


def run_order(order: Order, engine: KeptEngine, watch: Watch) -> Results:
    """Run it and sum it up; the engine is closed in the end. Raises `Interrupted` or `ResultsError`."""
    began = time.monotonic()
    logs = run_inspect(
        build_task(order, engine, watch),
        model=None,
        log_dir=str(order.out / LOGS),
        display="none",
        fail_on_error=False,
        max_samples=order.at_once,
        log_realtime=False,
        score_display=False,
        metadata=dict(order.versions) | {"engine": engine.name},
    )
    if not logs:  # as Inspect tells of Ctrl-C
        raise Interrupted(f"stopped after {watch.done} of {watch.total}")
    log = logs[0]
    if log.status == "error":
        raise ResultsError(f"the run broke off: {log.error.message if log.error else 'for no reason told'}")
    if log.status != "success":
        raise Interrupted(f"stopped after {watch.done} of {watch.total}")
    versions = dict(order.versions) | {"inspect": log.eval.packages.get("inspect_ai", "")}
    if log.eval.revision is not None:
        versions["revision"] = log.eval.revision.commit + ("+" if log.eval.revision.dirty else "")
    places = {row.id: place for place, row in enumerate(order.rows)}
    trials = sorted(watch.trials, key=lambda each: (places[each.id], each.repeat))
    results = sum_up(order.task, trials, engine, versions, order.repeats)
    spent = asdict(engine.tally) | {"seconds": round(time.monotonic() - began, 1)}
    results.spent.update(spent)
    return results


async def run_plainly(task: Evaluation, rows: Sequence[Any], engine: KeptEngine) -> list[Trial]:
    """The same trials one after the other, without a log: for figures that are wanted fast."""
    return [Trial(row.id, 1, task.judge(row, await task.try_sample(row, engine))) for row in rows]


def build_task(order: Order, engine: KeptEngine, watch: Watch) -> Task:
    """The evaluation as a task of Inspect."""
    rows = {row.id: row for row in order.rows}
    return Task(
        name=order.task.name,
        version=order.task.version,
        dataset=MemoryDataset([_sample(row) for row in order.rows], name=str(order.versions.get("dataset"))),
        epochs=order.repeats,
        solver=trial(order.task, rows, engine, watch),
        scorer=judged(),
        metrics=[measured(order.task, watch)],
    )


def _sample(row: Any) -> Sample:  # noqa: ANN401 - a row of any dataset
    texts = {name: getattr(row, name, None) for name in ("question", "answer", "a", "b", "candidate")}
    shown = "\n\n".join(f"{name}: {text}" for name, text in texts.items() if text)
    human = getattr(row, "human_score", None)
    return Sample(id=row.id, input=shown or row.id, target="" if human is None else str(human))


@solver
def trial(task: Evaluation, rows: Mapping[str, Any], engine: KeptEngine, watch: Watch) -> Solver:
    """Runs a sample on the engine under test, and leaves the facts about it in the metadata."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate  # the engine under test asks its own model
        sample, repeat = str(state.sample_id), state.epoch
        try:
            outcome = await _patiently(
                lambda: task.try_sample(rows[sample], engine.for_repeat(repeat)), watch
            )
            facts = task.judge(rows[sample], outcome)
            watch.note(Trial(sample, repeat, facts))
        except asyncio.CancelledError:
            with CancelScope(shield=True):  # the run is stopped, and this is the last that its loop does
                await engine.close()
            raise
        except Exception as error:
            watch.note(Trial(sample, repeat, None, _fact(error)))
            raise
        finally:
            if watch.done == watch.total:
                await engine.close()  # here, since its connections belong to the event loop of the run
        state.metadata["facts"] = facts
        state.output = ModelOutput.from_content(engine.name, _words_of(facts))
        state.completed = True
        return state

    return solve


@scorer(metrics=[])
def judged() -> Scorer:
    """Scores a sample by its facts."""

    async def score(state: TaskState, target: Target) -> Score:
        del target  # what an answer is held against is in its row
        facts = state.metadata["facts"]
        shown = facts.get("score", facts.get("difference", facts.get("held", 0.0)))
        return Score(value=shown, explanation=_words_of(facts), metadata={"repeat": state.epoch})

    return score


@metric
def measured(task: Evaluation, watch: Watch) -> Metric:
    """The figures of the evaluation, for Inspect's log and viewer."""

    def measure(scores: list[SampleScore]) -> Value:
        del scores  # of which Inspect keeps one a sample, while some figures need all repeats
        rows = merge_repeats(watch.trials)
        return dict(task.measure(tabulate_rows(rows))) if rows else {}

    return measure


async def _patiently(work: Callable[[], Awaitable[Outcome]], watch: Watch) -> Outcome:
    """What the work comes to, tried again after a while where that can help."""
    for pause in PAUSES:
        try:
            return await work()
        except EngineFailed as error:
            if not error.retryable or watch.is_hopeless:
                raise
        await asyncio.sleep(pause)
    return await work()


def _fact(error: Exception) -> str:
    return str(error) if isinstance(error, EngineFailed) else f"{type(error).__name__}: {error}"


def _words_of(facts: Facts) -> str:
    """What a person reads first about a sample."""
    details = facts["details"]
    return str(details.get("feedback") or "\n".join(details.get("diff", ())))
