"""The data behind coaching: cues, signs and fitted weights, as `cues.toml` has them.

A cue tells something about one clause and has a weight; a sign answers one yes-or-no question about a text.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Role = Literal["situation", "task", "action", "result", "other"]
ROLES: tuple[Role, ...] = get_args(Role)

# The name of the weights that every clause gets, whatever it shows.
ALWAYS = "always"
# The line of the data file below which `evals/fit_coaching.py` writes.
FITTED_HALF = "# Fitted by evals/fit_coaching.py; the columns are situation, task, action, result, other."


@dataclass(frozen=True, slots=True)
class Weights:
    """The fitted numbers: per cue and role, and for following, opening and closing a story."""

    cues: dict[str, tuple[float, ...]]
    follows: tuple[tuple[float, ...], ...]
    opening: tuple[float, ...]
    closing: tuple[float, ...]


def cues_of(text: str) -> frozenset[str]:
    """The names of the cues that a clause shows."""
    plain = _plain(text)
    return frozenset(name for name, pattern in load_cues().items() if pattern.search(plain))


def count_cue(name: str, text: str) -> int:
    """How often a cue is shown in a text."""
    return sum(1 for _ in load_cues()[name].finditer(_plain(text)))


def has_sign(name: str, text: str) -> bool:
    """Whether a text shows a sign."""
    return bool(load_signs()[name].search(_plain(text)))


@cache
def load_cues() -> dict[str, re.Pattern[str]]:
    """The cue patterns, compiled; they are for text in lower case with straight apostrophes."""
    data = _data()
    no_acts, acts = ("|".join(data[name].split()) for name in ("no_acts", "irregular_acts"))
    act = rf"(?!(?:{no_acts})\b)(?:{acts}|{data['act_phrases']}|[a-z]{{2,}}ed)"
    return {
        name: re.compile(_either(cue["patterns"]).replace("{act}", act)) for name, cue in data["cues"].items()
    }


@cache
def load_signs() -> dict[str, re.Pattern[str]]:
    """The sign patterns, compiled, for the same kind of text."""
    return {name: re.compile(_either(patterns)) for name, patterns in _data()["signs"].items()}


@cache
def load_headings() -> dict[str, Role]:
    """The headings that people put over the parts of an answer, with the role each stands for."""
    return {heading: role for role, headings in _data()["headings"].items() for heading in headings}


@cache
def load_joint() -> re.Pattern[str]:
    """What stands between two clauses of a sentence; for text as it was written."""
    return re.compile(_either(_data()["joint"]), re.IGNORECASE)


@cache
def load_small_words() -> frozenset[str]:
    """The words of English that say nothing about a subject."""
    return frozenset(_data()["small_words"].split())


@cache
def load_hints() -> dict[str, str]:
    """The role that a cue was written for, where it was written for one."""
    return {name: cue["shows"] for name, cue in _data()["cues"].items() if "shows" in cue}


@cache
def load_weights() -> Weights:
    """The fitted weights."""
    table = _data()["weights"]
    return Weights(
        cues={name: tuple(row) for name, row in table["cues"].items()},
        follows=tuple(tuple(row) for row in table["follows"]),
        opening=tuple(table["opening"]),
        closing=tuple(table["closing"]),
    )


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("agent.offline.coaching") / "cues.toml").read_text("utf-8"))


def _either(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _plain(text: str) -> str:
    return text.casefold().replace("’", "'")
