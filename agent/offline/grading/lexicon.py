"""The word lists of `words.toml`, by stem."""

import tomllib
from importlib.resources import files

from agent.offline.grading.text import stem

_WORDS = tomllib.loads(files("agent.offline.grading").joinpath("words.toml").read_text(encoding="utf-8"))


def _partners(groups: list[str]) -> dict[str, tuple[str, ...]]:
    """For every stem the stems that share a group with it, in alphabetical order."""
    found: dict[str, set[str]] = {}
    for group in groups:
        stems = [stem(word) for word in group.split()]
        for one in stems:
            found.setdefault(one, set()).update(other for other in stems if other != one)
    return {one: tuple(sorted(others)) for one, others in found.items()}


ALIKE = _partners(_WORDS["alike"])
OPPOSITE = _partners(_WORDS["opposite"])
GENERIC = frozenset(stem(word) for word in _WORDS["generic"].split())
META = frozenset(stem(word) for word in _WORDS["meta"].split())
TO_GRADER = tuple(frozenset(stem(word) for word in words.split()) for words in _WORDS["to_grader"])
