"""What a run is to do, put together from what its user asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.engines import build_engine
from agent.errors import EngineFailed
from agent.settings import SettingsError, load_settings
from evals.datasets import DatasetError, parse_columns, shipped
from evals.replies import KeptEngine, Replies
from evals.results import hash_file
from evals.tasks import TASKS, Evaluation
from evals.trials import is_of_the_bank, question_of
from prompts import PromptError, choose_version, live_versions


@dataclass(frozen=True, slots=True)
class Order:
    """The samples, how often each is run, how many at once, and where the log goes."""

    task: Evaluation
    rows: Sequence[Any]
    repeats: int
    at_once: int
    out: Path
    versions: Mapping[str, Any]


def find_task(name: str) -> Evaluation:
    """The evaluation of this name. Raises `SettingsError`."""
    if name not in TASKS:
        raise SettingsError(f"expected a task of {', '.join(TASKS)}, got {name!r}")
    return TASKS[name]


def make_order(
    task: Evaluation,
    data: Path | None,
    columns: str | None,
    repeats: int | None,
    at_once: int,
    out: Path | None,
) -> Order:
    """The order with its samples read and checked. Raises `SettingsError` or `DatasetError`."""
    if task.data is None and data is not None:
        raise SettingsError(f"--data: {task.name} takes no dataset")
    path = data or (shipped(task.data) if task.data else Path())
    rows = task.read(path, parse_columns(columns) if columns else None)
    if task.name == "agreement" and all(row.human_score is None for row in rows):
        raise DatasetError(f"{path}: expected a human_score in some row, found none")
    return Order(
        task=task,
        rows=rows,
        repeats=repeats or task.repeats,
        at_once=at_once,
        out=out or _default_place(task),
        versions=_describe_data(task, path, rows),
    )


def open_engine(model: str, prompts: Sequence[str], replies: Path | None) -> KeptEngine:
    """The engine under test alone, without the fallback of the settings. Raises `SettingsError`."""
    for text in prompts:
        _choose_prompt(text, model)
    settings = load_settings()
    try:
        engine = build_engine(model, settings)
    except EngineFailed as error:
        raise SettingsError(f"--model: {error}") from None
    return KeptEngine(engine, settings, Replies(replies) if replies else None)


def _choose_prompt(text: str, model: str) -> None:
    name, _, number = text.partition("=")
    if model == "offline":
        raise SettingsError("--prompt: the offline engine uses no prompts")
    if name not in live_versions() or not number.isdigit():
        names = ", ".join(live_versions())
        raise SettingsError(f"--prompt: expected name=version with a name of {names}, got {text!r}")
    try:
        choose_version(name, int(number))
    except PromptError as error:
        raise SettingsError(f"--prompt: {error}") from None


def _default_place(task: Evaluation) -> Path:
    return Path("data") / "evals" / f"{task.name}-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"


def _describe_data(task: Evaluation, path: Path, rows: Sequence[Any]) -> dict[str, Any]:
    if task.data is None:
        return {"dataset": "simulated candidates"}
    known = {"dataset": path.name, "dataset_sha256": hash_file(path)}
    if task.data not in ("answers", "attacks"):
        return known
    questions = [question_of(row.question, row.key_points, row.reference_answer) for row in rows]
    of_the_bank = sum(map(is_of_the_bank, questions))
    return known | {"rubrics": f"{of_the_bank} of {len(rows)} from the question bank, as in an interview"}
