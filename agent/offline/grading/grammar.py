"""The word lists and patterns of `grammar.toml`."""

import tomllib
from importlib.resources import files

_GRAMMAR = tomllib.loads(files("agent.offline.grading").joinpath("grammar.toml").read_text(encoding="utf-8"))

HESITATIONS: list[str] = _GRAMMAR["hesitations"]
REFUSALS: list[str] = _GRAMMAR["refusals"]
REFUSING_WORDS: list[str] = _GRAMMAR["refusing_words"]
CONTRACTED: dict[str, str] = _GRAMMAR["contracted"]
SPELT_OUT: dict[str, str] = _GRAMMAR["spelt_out"]
LOOK_ALIKES = {other: latin for latin, others in _GRAMMAR["look_alikes"].items() for other in others}


def word_list(name: str) -> frozenset[str]:
    """A list of words by its name in the file. Raises `KeyError` if there is none."""
    return frozenset(ordered_words(name))


def ordered_words(name: str) -> list[str]:
    """The same in the order of the file."""
    words: str = _GRAMMAR[name]
    return words.split()
