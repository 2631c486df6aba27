"""What an answer is held against: the points it should make, with the question's own words taken out."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, compress, pairwise
from math import log

from agent.interview import KeyPoint
from agent.offline.grading.grammar import word_list
from agent.offline.grading.lexicon import ALIKE
from agent.offline.grading.text import Reading, content_stems, read

LONGEST_REFERENCE_POINT = 14
FEWEST_WORDS_OF_A_POINT = 3
FEWEST_ENTRIES = 3

_COMPUTING = word_list("computing")
_QUANTITIES = word_list("quantities")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Stems that show a point when they stand near each other; `denied` tells whether the phrase negates.

    `telling` are those that the question does not have: its words complete a phrase but are no sign.
    """

    stems: tuple[str, ...]
    telling: tuple[str, ...]
    denied: bool


@dataclass(frozen=True, slots=True)
class Point:
    """One key point: the phrases any of which shows it, and its own content stems as a phrase.

    If the reference denies some of its words but not all, `own` has that phrase both ways.
    """

    text: str
    own: tuple[Phrase, ...]
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """What the reference tells under each of several labels: `0: free, 1: taken, 2: free`.

    `told` holds the stems by label; `weights` how far each stem tells the labels apart (0 for one that
    stands under all of them), and `unknown` is the weight of a figure that stands under none.
    """

    told: Mapping[str, frozenset[str]]
    weights: Mapping[str, float]
    unknown: float

    def weigh(self, stem: str) -> float:
        """How much it matters under which label a stem stands."""
        return self.weights.get(stem, self.unknown if has_digit(stem) else 0.0)


@dataclass(frozen=True, eq=False)
class Target:
    """Everything the grader knows before it sees the answer.

    `asked` holds the content stems of the question, `rows` the reference as (stem, denied) pairs in order,
    `by_points` tells whether the points decide the score rather than
    the reference as a whole, and `wanted` holds its distinct content stems that the question does not
    already contain; `hopes` are all stems that would speak for a point, synonyms and signals included.
    `figures` are those of the reference if the question asks for any, and `entries` what it tells under the
    labels that the question lists.
    """

    question: Reading
    asked: frozenset[str]
    points: tuple[Point, ...]
    rows: tuple[tuple[str, bool], ...]
    wanted: tuple[str, ...]
    hopes: frozenset[str]
    figures: frozenset[str]
    entries: Entries | None
    reference: Reading
    signalled: bool
    by_points: bool

    @property
    def known(self) -> frozenset[str]:
        """The stems that are no name, though an answer may write them with a capital."""
        return self.hopes | self.asked

    @cached_property
    def sought(self) -> tuple[str, ...]:
        """The distinct stems of the points and the reference."""
        phrases = (phrase for point in self.points for phrase in (*point.phrases, *point.own))
        return tuple(dict.fromkeys(chain(self.wanted, *(phrase.stems for phrase in phrases))))

    @cached_property
    def denied(self) -> dict[str, bool]:
        """The distinct stems of the reference in order, and whether it denies them."""
        return dict(self.rows)


def set_target(question: str, key_points: Sequence[KeyPoint], reference: str | None) -> Target:
    """The target of a question; the same question costs nothing the second time."""
    return _set_target(question, tuple(key_points), reference or "")


@lru_cache(maxsize=512)
def _set_target(question: str, key_points: tuple[KeyPoint, ...], reference: str) -> Target:
    asked_reading = read(question)
    asked = frozenset(compress(asked_reading.stems, asked_reading.content))
    signalled = any(point.signals for point in key_points)
    points_text = ". ".join(point.point for point in key_points)
    whole = read(points_text if signalled or not reference else reference)
    rows = tuple(compress(zip(whole.stems, whole.denied, strict=True), whole.content))
    texts = key_points or tuple(KeyPoint(part) for part in split_reference(reference))
    points = tuple(_point(point, asked, dict(rows)) for point in texts)
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
        figures=_figures(asked_reading, whole),
        entries=_entries(asked_reading, whole),
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


def has_digit(stem: str) -> bool:
    """Whether it is a figure, or a code such as `b5`."""
    return any(character.isdigit() for character in stem)


def _figures(question: Reading, reference: Reading) -> frozenset[str]:
    """The reference's own figures of two digits or more, if the question asks to compute any."""
    forms = question.forms
    if _COMPUTING.isdisjoint(forms) and not any(a == "how" and b in _QUANTITIES for a, b in pairwise(forms)):
        return frozenset()
    return frozenset(s for s in reference.stems if s[0].isdigit() and len(s) > 1).difference(question.stems)


def _entries(question: Reading, reference: Reading) -> Entries | None:
    """The entries of the reference, if under three or more labels. A label is a figure or a code that the
    question has too, and all stand after the same word: item 4, item 5.
    """
    asked = set(question.stems)
    groups: dict[str, dict[str, None]] = {}
    for before, label in pairwise(reference.stems):
        if label in asked and len(label) > 1 and has_digit(label):
            groups.setdefault(before, {})[label] = None
    labels = max(groups.values(), key=len, default={})
    if len(labels) < FEWEST_ENTRIES:
        return None
    told = {label: frozenset(own) for label, own in split_entries(reference.stems, labels).items()}
    counts = Counter(stem for own in told.values() for stem in own)
    weights = {stem: log((len(told) + 1) / (count + 1)) for stem, count in counts.items()}
    return Entries(told, weights, log((len(told) + 1) / 2))


def split_entries(stems: Iterable[str], labels: Container[str]) -> dict[str, set[str]]:
    """The stems after each label, up to the next one."""
    found: dict[str, set[str]] = {}
    own: set[str] | None = None
    for each in stems:
        if each in labels:
            own = found.setdefault(each, set())
        elif own is not None:
            own.add(each)
    return found


def _point(point: KeyPoint, asked: frozenset[str], denied: Mapping[str, bool]) -> Point:
    stems = tuple(dict.fromkeys(content_stems(point.point)))
    own = tuple(stem for stem in stems if stem not in asked) or stems
    phrases = (_signal(signal, asked) for signal in point.signals)
    return Point(
        text=point.point,
        own=tuple(_phrase(own, asked, denied=each) for each in sorted({denied.get(s, False) for s in own})),
        phrases=tuple(phrase for phrase in phrases if phrase.telling),
    )


def _signal(signal: str, asked: frozenset[str]) -> Phrase:
    """A signal as stems. One that the question's own words satisfy shows nothing and has none that tell."""
    reading = read(signal)
    stems = dict.fromkeys(compress(reading.stems, reading.content)) or dict.fromkeys(reading.stems)
    return _phrase(tuple(stems), asked, denied=any(reading.denied))


def _phrase(stems: tuple[str, ...], asked: frozenset[str], *, denied: bool) -> Phrase:
    return Phrase(stems, tuple(stem for stem in stems if stem not in asked), denied)
