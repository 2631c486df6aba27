"""Fits the weights with which the coach finds the parts of a story: `python -m evals.fit_coaching`.

It reads the marked stories of `evals/data/parts.v1.jsonl`, except those whose id begins with `held-`, and
replaces the fitted half of `agent/offline/coaching/cues.toml`. The model is a linear-chain conditional random
field (Lafferty, McCallum and Pereira, 2001). Stochastic gradient steps climb the log-likelihood of the
marked roles, less a penalty on the squared distance from a first guess, which comes from the `shows` of each
cue. Each story counts whole and with each part taken out, so that the model has seen parts missing. The same
stories give the same weights.
"""

import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path

from agent.offline.coaching.cues import ALWAYS, FITTED_HALF, ROLES, Role, Weights, load_cues, load_hints
from agent.offline.coaching.story import MID_SENTENCE_CHANGE, Clause, read_clauses
from evals.datasets import PartsRow, read_parts, shipped

CUES = Path(__file__).parent.parent / "agent" / "offline" / "coaching" / "cues.toml"

ROLE_OF_PART: dict[str, Role] = {
    "situation": "situation", "obstacle": "situation", "challenge": "situation", "problem": "situation",
    "task": "task", "action": "action", "result": "result",
}  # fmt: skip

EPOCHS = 30
FIRST_STEP = 0.02
PENALTY = 5.0
# What a story with one part taken out counts for beside the whole one.
CUT_STORY_WEIGHT = 1.5

Vector = dict[tuple[str, int], float]


@dataclass(frozen=True, slots=True)
class Sample:
    """Clauses with the index of their true role, and how much they count."""

    clauses: tuple[Clause, ...]
    roles: tuple[int, ...]
    weight: float


def samples_of(story: PartsRow) -> Iterator[Sample]:
    """The story whole and with each of its parts taken out; none for a story with headings."""
    clauses = read_clauses(story.answer)
    if any(clause.label for clause in clauses):
        return
    marked = [(clause, _part_at(clause.start, story.parts)) for clause in clauses]
    for gone in (None, *story.parts):
        kept = [(clause, part) for clause, part in marked if gone is None or part != gone]
        if kept:
            roles = tuple(ROLES.index(ROLE_OF_PART[part] if part else "other") for _, part in kept)
            yield Sample(tuple(clause for clause, _ in kept), roles, CUT_STORY_WEIGHT if gone else 1.0)


def fit(samples: Sequence[Sample]) -> Weights:
    """The weights that explain the samples best; the mean over the second half of the epochs."""
    samples = list(samples)
    order = random.Random(1)  # noqa: S311 - an order of samples, not a secret
    guess = first_guess()
    now: Vector = defaultdict(float, guess)
    total: Vector = defaultdict(float)
    for epoch in range(EPOCHS):
        order.shuffle(samples)
        step = FIRST_STEP / (1 + epoch / 5)
        for sample in samples:
            for name, slope in _slope(sample, now).items():
                now[name] += step * sample.weight * slope
        for name in now:
            now[name] -= min(step * PENALTY, 1.0) * (now[name] - guess.get(name, 0.0))
            total[name] += now[name] if epoch >= EPOCHS // 2 else 0.0
    return _weights({name: value / (EPOCHS - EPOCHS // 2) for name, value in total.items()})


def first_guess() -> Vector:
    """Each cue points to the role it was written for, and a little away from the others."""
    return {
        (cue, role): 1.0 if ROLES[role] == shown else -0.25
        for cue, shown in load_hints().items()
        for role in range(len(ROLES))
    }


def _part_at(offset: int, parts: Mapping[str, Sequence[Sequence[int]]]) -> str | None:
    return next((part for part, spans in parts.items() if any(a <= offset < b for a, b in spans)), None)


def _slope(sample: Sample, now: Vector) -> Vector:
    """The gradient of the log-likelihood of the true roles: what is there less what the model expects."""
    slope: Vector = defaultdict(float)
    for name in _names(sample.clauses, sample.roles):
        slope[name] += 1.0
    emitted = [_emission(clause, now) for clause in sample.clauses]
    steps = [_steps(clause, now) for clause in sample.clauses[1:]]
    forward = _forward(emitted, steps, [now["opening", role] for role in range(len(ROLES))])
    backward = _backward(emitted, steps, [now["closing", role] for role in range(len(ROLES))])
    whole = _log_sum(f + b for f, b in zip(forward[-1], backward[-1], strict=True))
    for position, clause in enumerate(sample.clauses):
        for role in range(len(ROLES)):
            chance = exp(forward[position][role] + backward[position][role] - whole)
            for name in _clause_names(clause, role, position, len(sample.clauses)):
                slope[name] -= chance
            if position and clause.opens:
                for origin in range(len(ROLES)):
                    path = forward[position - 1][origin] + steps[position - 1][origin][role]
                    path += emitted[position][role] + backward[position][role]
                    slope[f"follows {ROLES[origin]}", role] -= exp(path - whole)
    return slope


def _names(clauses: Sequence[Clause], roles: Sequence[int]) -> Iterator[tuple[str, int]]:
    for position, (clause, role) in enumerate(zip(clauses, roles, strict=True)):
        yield from _clause_names(clause, role, position, len(clauses))
        if position and clause.opens:
            yield f"follows {ROLES[roles[position - 1]]}", role


def _clause_names(clause: Clause, role: int, position: int, count: int) -> Iterator[tuple[str, int]]:
    yield ALWAYS, role
    yield from ((cue, role) for cue in sorted(clause.cues))
    if position == 0:
        yield "opening", role
    if position == count - 1:
        yield "closing", role


def _emission(clause: Clause, now: Vector) -> list[float]:
    return [
        now[ALWAYS, role] + sum(now[cue, role] for cue in sorted(clause.cues)) for role in range(len(ROLES))
    ]


def _steps(clause: Clause, now: Vector) -> list[list[float]]:
    count = range(len(ROLES))
    if clause.opens:
        return [[now[f"follows {ROLES[origin]}", role] for role in count] for origin in count]
    return [[0.0 if origin == role else MID_SENTENCE_CHANGE for role in count] for origin in count]


def _forward(
    emitted: list[list[float]], steps: list[list[list[float]]], opening: list[float]
) -> list[list[float]]:
    rows = [[score + first for score, first in zip(emitted[0], opening, strict=True)]]
    for step, scores in zip(steps, emitted[1:], strict=True):
        last = rows[-1]
        arrived = [
            _log_sum(value + row[role] for value, row in zip(last, step, strict=True))
            for role in range(len(last))
        ]
        rows.append([value + score for value, score in zip(arrived, scores, strict=True)])
    return rows


def _backward(
    emitted: list[list[float]], steps: list[list[list[float]]], closing: list[float]
) -> list[list[float]]:
    rows = [closing]
    for step, scores in zip(reversed(steps), reversed(emitted[1:]), strict=True):
        ahead = [value + score for value, score in zip(rows[-1], scores, strict=True)]
        rows.append([_log_sum(cost + value for cost, value in zip(row, ahead, strict=True)) for row in step])
    return rows[::-1]


def _log_sum(values: Iterable[float]) -> float:
    known = list(values)
    top = max(known)
    return top + log(sum(exp(value - top) for value in known))


def _weights(found: Vector) -> Weights:
    def row(name: str) -> tuple[float, ...]:
        return tuple(round(found.get((name, role), 0.0), 2) for role in range(len(ROLES)))

    return Weights(
        cues={cue: row(cue) for cue in (ALWAYS, *load_cues())},
        follows=tuple(row(f"follows {role}") for role in ROLES),
        opening=row("opening"),
        closing=row("closing"),
    )


def written(weights: Weights) -> str:
    """The fitted half of the data file."""
    lines = [
        FITTED_HALF,
        "",
        "[weights]",
        f"opening = {list(weights.opening)}",
        f"closing = {list(weights.closing)}",
    ]
    lines += ["follows = [", *(f"  {list(row)}," for row in weights.follows), "]", "", "[weights.cues]"]
    lines += [f"{cue} = {list(row)}" for cue, row in weights.cues.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Replaces the fitted half of the data file."""
    samples = [
        sample
        for story in read_parts(shipped("parts"))
        if not story.id.startswith("held-")
        for sample in samples_of(story)
    ]
    hand_written = CUES.read_text("utf-8").partition(FITTED_HALF)[0]
    CUES.write_text(hand_written + written(fit(samples)), "utf-8")
    sys.stdout.write(f"fitted on {len(samples)} samples\n")


if __name__ == "__main__":
    main()
