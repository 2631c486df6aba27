"""What an answer is held against: the points it should make, with the question's own words taken out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.interview import KeyPoint
from agent.offline.grading.lexicon import ALIKE
from agent.offline.grading.text import Reading, is_content, read

LONGEST_REFERENCE_POINT = 14
FEWEST_WORDS_OF_A_POINT = 3


@dataclass(frozen=True, slots=True)
class Phrase:
    """Stems that show a point when they stand near each other; `denied` tells whether the phrase negates."""

    stems: tuple[str, ...]
    denied: bool


@dataclass(frozen=True, slots=True)
class Point:
    """One key point: its own content stems, and the phrases any of which shows it."""

    text: str
    stems: tuple[str, ...]
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Everything the grader knows before it sees the answer.

    `asked` holds the content stems of the question, `rows` the reference as (stem, denied) pairs in order,
    `by_points` tells whether the points decide the score rather than
    the reference as a whole, and `wanted` holds its distinct content stems that the question does not
    already contain; `hopes` are all stems that would speak for a point, synonyms and signals included.
    """

    question: Reading
    asked: frozenset[str]
    points: tuple[Point, ...]
    rows: tuple[tuple[str, bool], ...]
    wanted: tuple[str, ...]
    hopes: frozenset[str]
    reference: Reading
    signalled: bool
    by_points: bool


def set_target(question: str, key_points: Sequence[KeyPoint], reference: str | None) -> Target:
    """The target of a question; the same question costs nothing the second time."""
    return _set_target(question, tuple(key_points), reference or "")


@lru_cache(maxsize=512)
def _set_target(question: str, key_points: tuple[KeyPoint, ...], reference: str) -> Target:
    asked_reading = read(question)
    asked = frozenset(_content(asked_reading))
    texts = key_points or tuple(KeyPoint(part) for part in split_reference(reference))
    points = tuple(_point(point, asked) for point in texts)
    signalled = any(point.signals for point in key_points)
    points_text = ". ".join(point.point for point in key_points)
    whole = read(points_text if signalled or not reference else reference)
    rows = tuple(
        (stem, denied)
        for form, stem, denied in zip(whole.forms, whole.stems, whole.denied, strict=True)
        if is_content(form)
    )
    wanted = tuple(dict.fromkeys(stem for stem, _ in rows if stem not in asked))
    wanted = wanted or tuple(dict.fromkeys(stem for stem, _ in rows))
    hopes = set(wanted).union(stem for point in points for phrase in point.phrases for stem in phrase.stems)
    return Target(
        question=asked_reading,
        asked=asked,
        points=points,
        rows=rows,
        wanted=wanted,
        hopes=frozenset(hopes.union(*(ALIKE.get(stem, ()) for stem in wanted))) - asked,
        reference=whole,
        signalled=signalled,
        by_points=bool(points) and (signalled or not reference),
    )


def split_reference(reference: str) -> list[str]:
    """A reference answer as points: its sentences, long ones cut at semicolons, commas and line ends.

    A piece with fewer than three words joins the one before it.
    """
    points: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+|\n+|;", reference):
        pieces = [sentence]
        if len(sentence.split()) > LONGEST_REFERENCE_POINT:
            pieces = re.split(r",\s+(?=and |but |which |so |because |while |then )|:\s", sentence)
        for piece in pieces:
            text = piece.strip(" \t\r\n-*•.,")
            if points and len(text.split()) < FEWEST_WORDS_OF_A_POINT:
                points[-1] = f"{points[-1]} {text}".strip()
            elif text:
                points.append(text)
    return points


def _point(point: KeyPoint, asked: frozenset[str]) -> Point:
    own = tuple(dict.fromkeys(_content(read(point.point))))
    phrases = (_phrase(signal, asked) for signal in point.signals)
    return Point(
        text=point.point,
        stems=tuple(stem for stem in own if stem not in asked) or own,
        phrases=tuple(phrase for phrase in phrases if phrase.stems),
    )


def _phrase(signal: str, asked: frozenset[str]) -> Phrase:
    """A signal as stems. One that the question's own words satisfy shows nothing and comes back empty."""
    reading = read(signal)
    stems = tuple(dict.fromkeys(_content(reading))) or tuple(dict.fromkeys(reading.stems))
    if asked.issuperset(stems):
        return Phrase((), denied=False)
    return Phrase(stems, denied=any(reading.denied))


def _content(reading: Reading) -> list[str]:
    return [stem for form, stem in zip(reading.forms, reading.stems, strict=True) if is_content(form)]
