"""The results of a run: its figures, its rows, and every version that they depend on."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from math import isnan
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Self

from evals.replies import KeptEngine, hash_code
from evals.scorers import Facts
from evals.statistics import DRAWS, SEED, Interval, Table, tabulate, with_intervals
from evals.tasks import Evaluation
from prompts import versions_in_use

FILE = "results.json"
FORMAT = 1
GROUP = "group"


class ResultsError(Exception):
    """There are no results where some were expected; the message says where and what came."""


@dataclass(frozen=True, slots=True)
class Results:
    """What a run found.

    `rows` has one entry a sample, the repeats of which are merged. `failures` counts, for each error, the
    trials that have no grade for it: they are in no figure.
    """

    task: str
    task_version: int
    versions: dict[str, Any]
    samples: int
    repeats: int
    failures: dict[str, int]
    figures: dict[str, Interval]
    rows: list[Facts]
    made_at: str = ""
    spent: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def ungraded(self) -> int:
        """How many trials have no grade."""
        return sum(self.failures.values())

    @property
    def ungraded_share(self) -> float:
        """The share of the trials without a grade."""
        return self.ungraded / max(self.samples * self.repeats, 1)

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        part = path.with_name(f"{path.name}.part")
        part.write_text(self.written(), "utf-8")
        part.replace(path)

    def written(self) -> str:
        """The JSON, with a line for each row, so that two versions can be read side by side."""
        whole = _without_nan(asdict(self))
        rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in whole.pop("rows"))
        head = json.dumps(whole, ensure_ascii=False, indent=1).removesuffix("\n}")
        return f'{head},\n "rows": [\n  {rows}\n ]\n}}\n'

    def without_details(self) -> Self:
        """The same figures and rows without texts, as small as a baseline has to be."""
        rows = [_rounded({name: row[name] for name in row if name != "details"}) for row in self.rows]
        kept = {one.name: getattr(self, one.name) for one in fields(self)}
        return type(self)(**kept | {"rows": rows, "spent": {}, "made_at": ""})

    @classmethod
    def load(cls, path: Path) -> Self:
        """The results in a file, or in the folder of a run. Raises `ResultsError`."""
        place = path / FILE if path.is_dir() else path
        try:
            found = json.loads(place.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ResultsError(f"{place}: expected the results of a run ({error})") from None
        except ValueError as error:
            raise ResultsError(
                f"{place}: expected the results of a run, got no valid JSON ({error})"
            ) from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ResultsError(f"{place}: expected the results of a run in format {FORMAT}, got another file")
        given = {one.name: found[one.name] for one in fields(cls) if one.name in found}
        figures = {name: Interval(*map(_number, one.values())) for name, one in given["figures"].items()}
        return cls(**given | {"figures": figures})


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one sample: what was judged, or why there is nothing to judge."""

    id: str
    repeat: int
    facts: Facts | None
    error: str = ""


def sum_up(
    task: Evaluation, trials: Sequence[Trial], engine: KeptEngine, versions: Mapping[str, Any], repeats: int
) -> Results:
    """The results of all trials; those without a grade are counted, and are in no figure."""
    rows = merge_repeats(trials)
    table = tabulate_rows(rows)
    return Results(
        task=task.name,
        task_version=task.version,
        versions=describe_versions(engine) | dict(versions),
        samples=len({trial.id for trial in trials}),
        repeats=repeats,
        failures=dict(Counter(trial.error for trial in trials if trial.facts is None).most_common()),
        figures=with_intervals(table, GROUP, task.measure) if rows else {},
        rows=rows,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def merge_repeats(trials: Sequence[Trial]) -> list[Facts]:
    """One row a sample: numbers are means over the repeats, and the score of each repeat stands beside."""
    by_id: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda each: each.repeat):
        by_id.setdefault(trial.id, []).append(trial)
    return [_merge(group) for group in by_id.values() if any(trial.facts for trial in group)]


def tabulate_rows(rows: Sequence[Facts]) -> Table:
    """The rows as columns, without their texts."""
    return tabulate([{name: row[name] for name in row if name != "details"} for row in rows])


def _merge(group: Sequence[Trial]) -> Facts:
    graded = [trial.facts for trial in group if trial.facts is not None]
    merged = {name: _mean_of([facts.get(name) for facts in graded]) for name in graded[0]}
    if len(group) > 1 and "score" in merged:
        scores = [facts["score"] for facts in graded]
        merged |= {f"score_{trial.repeat}": trial.facts["score"] if trial.facts else None for trial in group}
        merged["spread_of_scores"] = stdev(scores) if len(scores) > 1 else None
    return merged


def _mean_of(values: Sequence[Any]) -> Any:  # noqa: ANN401 - whatever a fact is
    """The mean of numbers; of anything else, such as texts, the first."""
    known = [value for value in values if value is not None]
    if len(known) > 1 and all(isinstance(value, (bool, int, float)) for value in known):
        return fmean(float(value) for value in known)
    return known[0] if known else None


def describe_versions(engine: KeptEngine) -> dict[str, Any]:
    """Everything on the side of the engine that the figures depend on."""
    offline = engine.name == "offline"
    return {
        "program": version("ai-interviewer-agent"),
        "model": engine.name,
        "engine_code": hash_code("offline" if offline else "openai"),
        "prompts": {} if offline else versions_in_use(),
        "endpoint": "" if offline else engine.settings.openai_base_url or "the provider's own",
        "reasoning_effort": "" if offline else engine.settings.reasoning_effort,
        "interval": f"bootstrap over groups, {DRAWS} draws, seed {SEED}",
    }


def hash_file(path: Path) -> str:
    """A short hash of what a file holds."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value


def _rounded(row: Facts) -> Facts:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
