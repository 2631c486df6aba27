"""The baselines: what the offline engine reaches on our own datasets, kept in `evals/baselines/`.

`python -m evals.baseline` measures it and writes them anew, all or those that are named. A test holds every
change against them. What is deterministic needs no repeats, so there is none for stability.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from evals.orders import make_order, open_engine
from evals.results import Results, sum_up
from evals.running import run_plainly
from evals.tasks import TASKS, Evaluation

BASELINES = Path(__file__).parent / "baselines"
MEASURED = tuple(name for name in TASKS if name != "stability")


def path_of(task: Evaluation) -> Path:
    """Where the baseline of an evaluation is kept."""
    return BASELINES / f"{task.name}.json"


def measure_offline(task: Evaluation, replies: Path | None = None) -> Results:
    """What the offline engine reaches on our own dataset; with a place for replies, none is asked twice."""
    order = make_order(task, None, None, 1, 1, Path())
    engine = open_engine("offline", (), replies)
    trials = asyncio.run(run_plainly(task, order.rows, engine))
    return sum_up(task, trials, engine, order.versions, 1).without_details()


def main(names: Sequence[str]) -> None:
    """Write the baselines."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    BASELINES.mkdir(exist_ok=True)
    for name in names or MEASURED:
        results = measure_offline(TASKS[name])
        results.save(path_of(TASKS[name]))
        figures = ", ".join(f"{name} {figure.value:.3f}" for name, figure in results.figures.items())
        sys.stdout.write(f"{name}: {figures}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
