"""Finds the parts of a told story: which clauses set the scene, name the duty, act, and tell what came of it.

An answer is cut into clauses, each clause is read for the cues of `cues.toml`, and the likeliest
sequence of parts is decoded with the Viterbi algorithm (a linear-chain conditional random field, whose
weights were fitted on the stories under `evals/data`). The same answer always gives the same parts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.offline.coaching.cues import (
    ALWAYS,
    ROLES,
    Role,
    Weights,
    cues_of,
    load_headings,
    load_joint,
    load_weights,
)

# Changing the part in the middle of a sentence needs better evidence than between two sentences.
MID_SENTENCE_CHANGE = -4.0
# A sentence of more words is speech written down without stops: its clauses then count as sentences.
LONGEST_SENTENCE = 40
SHORTEST_CLAUSE = 3
# A heading with less than this under it, such as "Task: n/a", says nothing.
FEWEST_UNDER_HEADING = 2
# The score of a role under its heading.
CERTAIN = 100.0

DUTY_CUES = frozenset({"own_duty", "goal", "duty_word"})
SCENE_CUES = frozenset({"clock_opening", "past_time", "setting"})

_ABBREVIATION = re.compile(
    r"\b(?:(?:[Dd]r|[Mm]rs?|[Mm]s|[Pp]rof|[Ss]gt)\. .|(?:[ap]\.m|e\.g|i\.e|vs|approx|etc|[a-z])\. [a-z0-9])$"
)
_STOP = re.compile(r"[.!?…。]+[\"'”’)\]]*(?=\s|$)|\n\s*")
_HEADING = re.compile(r"[\W\d_]*\b([a-z][a-z ]{0,14})[\s*_)]*(?::|\s[-–—]|=)[\s*_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch `answer[start:end]`; it `opens` a sentence or not, and `label` is the heading over it."""

    start: int
    end: int
    opens: bool
    cues: frozenset[str]
    label: str | None = None


def read_clauses(answer: str) -> list[Clause]:
    """The clauses of an answer in order, each with the cues it shows."""
    clauses: list[Clause] = []
    label: str | None = None
    for begin, end in _sentences(answer):
        new_label, start = _heading(answer, begin, end)
        label = new_label or label
        words = len(answer[start:end].split())
        if label is not None and words < FEWEST_UNDER_HEADING:
            continue
        for number, (left, right) in enumerate(_clauses(answer, start, end)):
            opens = number == 0 or words > LONGEST_SENTENCE
            clauses.append(Clause(left, right, opens, cues_of(answer[left:right]), label))
    return clauses


def find_roles(clauses: Sequence[Clause], weights: Weights | None = None) -> list[Role]:
    """The likeliest role of each clause."""
    if not clauses:
        return []
    weights = weights or load_weights()
    best = [score + first for score, first in zip(_scores(clauses[0], weights), weights.opening, strict=True)]
    trail: list[list[int]] = []
    for clause in clauses[1:]:
        step = [_best_step(best, role, clause, weights) for role in range(len(ROLES))]
        trail.append([origin for origin, _ in step])
        best = [value + score for (_, value), score in zip(step, _scores(clause, weights), strict=True)]
    path = [max(range(len(ROLES)), key=lambda role: best[role] + weights.closing[role])]
    for origins in reversed(trail):
        path.append(origins[path[-1]])
    roles = _with_lone_duty(clauses, [ROLES[role] for role in reversed(path)])
    return _with_result_first(clauses, roles)


def _with_lone_duty(clauses: Sequence[Clause], roles: list[Role]) -> list[Role]:
    """Takes a single opening sentence for the duty that it is, though most stories open with a scene."""
    scene = [clause for clause, role in zip(clauses, roles, strict=True) if role == "situation"]
    cues = frozenset(cue for clause in scene for cue in clause.cues)
    is_one_sentence = sum(clause.opens for clause in scene) == 1 and not any(clause.label for clause in scene)
    if "task" in roles or not is_one_sentence or not cues & DUTY_CUES or cues & SCENE_CUES:
        return roles
    return ["task" if role == "situation" else role for role in roles]


def _with_result_first(clauses: Sequence[Clause], roles: list[Role]) -> list[Role]:
    """Takes an opening sentence with an own figure for the result, where no other result follows."""
    first = next((number for number, clause in enumerate(clauses) if number and clause.opens), len(clauses))
    boasts = any("own_figure" in clause.cues for clause in clauses[:first])
    if "result" in roles or "action" not in roles[first:] or not boasts:
        return roles
    return ["result" if number < first else role for number, role in enumerate(roles)]


def _scores(clause: Clause, weights: Weights) -> list[float]:
    if clause.label is not None:
        return [CERTAIN if role == load_headings()[clause.label] else 0.0 for role in ROLES]
    rows = [weights.cues[ALWAYS], *(weights.cues[cue] for cue in sorted(clause.cues))]
    return [sum(column) for column in zip(*rows, strict=True)]


def _best_step(best: Sequence[float], role: int, clause: Clause, weights: Weights) -> tuple[int, float]:
    """The role before that leads best to `role`, and the score on arrival."""

    def on_arrival(origin: int) -> float:
        if clause.opens:
            return best[origin] + weights.follows[origin][role]
        return best[origin] + (0.0 if origin == role else MID_SENTENCE_CHANGE)

    origin = max(range(len(best)), key=on_arrival)
    return origin, on_arrival(origin)


def _heading(answer: str, start: int, end: int) -> tuple[str | None, int]:
    """The heading that a sentence begins with, if any, and where the words after it begin."""
    found = _HEADING.match(answer, start, end)
    label = found[1].strip().casefold() if found else ""
    return (label, found.end()) if found and label in load_headings() else (None, start)


def _sentences(answer: str) -> Iterator[tuple[int, int]]:
    start = 0
    for stop in _STOP.finditer(answer):
        if stop[0] == "." and _ABBREVIATION.search(answer[max(stop.start() - 8, 0) : stop.end() + 2]):
            continue
        yield from _trimmed(answer, start, stop.end())
        start = stop.end()
    yield from _trimmed(answer, start, len(answer))


def _clauses(answer: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    left = start
    left_over = len(answer[start:end].split())
    for joint in load_joint().finditer(answer, start, end):
        words = len(answer[left : joint.start()].split())
        if words >= SHORTEST_CLAUSE and left_over - words >= SHORTEST_CLAUSE:
            yield from _trimmed(answer, left, joint.start())
            left = joint.end()
            left_over -= words
    yield from _trimmed(answer, left, end)


def _trimmed(answer: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = answer[start:end]
    if re.search(r"\w", piece):
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
