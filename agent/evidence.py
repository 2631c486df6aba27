"""Quotes checked against the answer: a quote counts only if its words stand there."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.interview import Evidence

SHORTEST = 3  # characters; fewer show nothing

_GAP = re.compile(r"\s*(?:\.{3,}|…|\[\.*\]|\[…\])\s*")
_PLAIN = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "`": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Normal:
    """A text as it is compared; `starts[i]` and `ends[i]` are where its character i came from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def find_quote(answer: str, quote: str, shows: str = "") -> Evidence | None:
    """The quote as it stands in the answer, or nothing if it does not.

    Case, white space, accents, invisible characters and the style of quotation marks and dashes are ignored.
    Of a quote with an omission ("… and then …") the longest piece that can be found is taken.
    """
    pieces = sorted(_GAP.split(quote.strip().strip("\"'“”‘’«»")), key=len, reverse=True)
    for piece in pieces:
        if span := _find(_normalise(answer), _normalise(piece).text.strip()):
            return Evidence(answer[span[0] : span[1]], span[0], span[1], shows)
    return None


def without_repeats(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The evidence without what quotes the same place for the same point."""
    return tuple({(each.start, each.end, each.shows): each for each in evidence}.values())


def _find(answer: Normal, quote: str) -> tuple[int, int] | None:
    if len(quote) < SHORTEST:
        return None
    start = answer.text.find(quote)
    while start >= 0:
        end = start + len(quote)
        if not _cuts_word(answer.text, start) and not _cuts_word(answer.text, end):
            return answer.starts[start], answer.ends[end - 1]
        start = answer.text.find(quote, start + 1)
    return None


def _cuts_word(text: str, place: int) -> bool:
    """Whether the place lies inside a word; scripts without spaces have no such places."""
    around = text[max(place - 1, 0) : place + 1]
    return 0 < place < len(text) and around.isascii() and around.isalnum()


@lru_cache(maxsize=32)
def _normalise(text: str) -> Normal:
    if text.isascii() and (plain_text := _normalise_ascii(text)) is not None:
        return plain_text
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for place, character in enumerate(text):
        if unicodedata.category(character) in ("Mn", "Me") and ends:
            ends[-1] = place + 1  # an accent belongs to its letter
        for plain in _fold(character):
            if plain == " " and characters[-1:] == [" "]:
                continue
            characters.append(plain)
            starts.append(place)
            ends.append(place + 1)
    return Normal("".join(characters), tuple(starts), tuple(ends))


def _normalise_ascii(text: str) -> Normal | None:
    """The same for what most answers are, at a hundredth of the cost: each character keeps its place."""
    plain = text.translate(_PLAIN_ASCII)
    if len(plain) != len(text) or "  " in plain:
        return None
    return Normal(plain, range(len(text)), range(1, len(text) + 1))


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    """What a character is compared as; nothing if it is invisible or an accent."""
    if character.isspace():
        return " "
    spread = unicodedata.normalize("NFKD", character.translate(_PLAIN)).casefold()
    return "".join(" " if c.isspace() else c for c in spread if unicodedata.category(c)[0] not in "CM")


_PLAIN_ASCII = {place: _fold(chr(place)) for place in range(128)}
