"""An answer beside its target: which of its words count, what they match, and how well they read there."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import exp

from agent.offline.grading.grammar import word_list
from agent.offline.grading.lexicon import ALIKE, GENERIC, META, TO_GRADER
from agent.offline.grading.target import Target
from agent.offline.grading.text import DIRECTIONS, NAME, Reading, is_content

COPIED_RUN = 4
REPEATED_RUN = 5
FLOW_REACH = 3
LONG_RUN = 4
SHORT_LIST = 2
PASSAGE_REACH = 10
LIKE_A_LIST, LIKE_PROSE = 0.3, 0.5
FILLER_SHARE = 0.4
TOUCHING_FILLER_SHARE = 0.6
FEWEST_WORDS_LEFT = 2
MOST_PLACES = 60
FEWEST_SHARED_LETTERS = 4
UNSEEN_PAIR = -0.5
SYNONYM = 0.8

_THIRD_PERSON = word_list("third_person")
FIRST_PERSON = word_list("first_person")
_ENDINGS = re.compile(r"(ing|ed|ly|tion|ment|ness|ity|ance|ence)s?$")


@dataclass(frozen=True, slots=True)
class Usage:
    """How words are used: `flow` tells how usual one kind of word is after another, `rarity` how few
    questions a stem belongs to (0 where all do); a stem that it does not have is as rare as `unknown`.
    """

    flow: Mapping[str, float]
    rarity: Mapping[str, float]
    unknown: float

    def weigh(self, stems: Iterable[str]) -> float:
        """The rarity of some stems together."""
        return sum(self.rarity.get(stem, self.unknown) for stem in stems)


@dataclass(frozen=True, slots=True)
class Match:
    """Where a wanted stem was found, how alike the words are and how well the text reads there (0 to 1)."""

    row: int
    likeness: float
    flow: float


def kind(form: str) -> str:
    """The part a word plays in a sentence: itself for function words, its ending for others."""
    if form in _THIRD_PERSON:
        return "they"
    if form in FIRST_PERSON:
        return "we"
    if form[0].isdigit():
        return "#"
    if not is_content(form):
        return form
    ending = _ENDINGS.search(form)
    return f"-{ending[1]}" if ending and len(form) > 5 else "-"


def kept_rows(target: Target, reading: Reading) -> tuple[list[int], float]:
    """The rows that count, and the share of the text that is mere talk.

    Out go repetitions, copies of the question, talk to the grader, and filler as long as something else is
    left.
    """
    dropped = bytearray(len(reading))
    _drop_copies(target, reading.stems, dropped)
    _drop_repetitions(reading.stems, dropped)
    spans = list(_sentences(reading))
    for first, last in spans:
        if _speaks_to_grader(target, reading, first, last):
            dropped[first:last] = b"\1" * (last - first)
    fillers = [span for span in spans if _is_filler(target, reading, *span)]
    talk = sum(last - first for first, last in fillers) / max(1, len(reading))
    gone = bytearray(dropped)
    for first, last in fillers:
        gone[first:last] = b"\1" * (last - first)
    if sum(not gone[row] and is_content(form) for row, form in enumerate(reading.forms)) >= FEWEST_WORDS_LEFT:
        dropped = gone
    return [row for row in range(len(reading)) if not dropped[row]], talk


def _drop_copies(target: Target, stems: Sequence[str], dropped: bytearray) -> None:
    copied = min(COPIED_RUN, max(2, len(target.question)))
    asked_runs = set(_runs(target.question.stems, copied))
    for row, run in enumerate(_runs(stems, copied)):
        if run in asked_runs:
            dropped[row : row + copied] = b"\1" * copied


def _drop_repetitions(stems: Sequence[str], dropped: bytearray) -> None:
    seen: set[tuple[str, ...]] = set()
    for row, run in enumerate(_runs(stems, REPEATED_RUN)):
        if run in seen:
            dropped[row : row + REPEATED_RUN] = b"\1" * REPEATED_RUN
        seen.add(run)


def _sentences(reading: Reading) -> Iterator[tuple[int, int]]:
    """First and one past the last row of every sentence."""
    first = 0
    for row in range(1, len(reading) + 1):
        if row == len(reading) or reading.sentences[row] != reading.sentences[first]:
            yield first, row
            first = row


def _content_of(reading: Reading, first: int, last: int) -> set[str]:
    return {reading.stems[row] for row in range(first, last) if is_content(reading.forms[row])}


def _is_filler(target: Target, reading: Reading, first: int, last: int) -> bool:
    """Whether a sentence is talk that touches nothing the reference wants, but for words of talk."""
    stems = _content_of(reading, first, last) - DIRECTIONS
    touched = stems & target.hopes
    if not stems or not touched <= GENERIC:
        return False
    talk = sum(stem in GENERIC or stem in META for stem in stems - target.asked)
    return talk >= (TOUCHING_FILLER_SHARE if touched else FILLER_SHARE) * len(stems)


def _speaks_to_grader(target: Target, reading: Reading, first: int, last: int) -> bool:
    """Whether a sentence asks for a mark or gives orders, in whatever words.

    It mixes words of several kinds (`TO_GRADER`: marks, praise, orders, roles) with little else. Words that
    the question or the reference uses are no sign of it, and other words that the reference wants speak
    for the sentence.
    """
    stems = _content_of(reading, first, last)
    wanted = sum(_is_telling(stem) for stem in stems & target.hopes)
    own = stems - target.asked - target.hopes
    kinds = [len(own & words) for words in TO_GRADER]
    hits, mixed = sum(kinds), sum(count > 0 for count in kinds)
    return (
        hits >= 2
        and hits > 2 * wanted
        and ((mixed >= 2 and hits >= 0.5 * len(stems)) or (mixed >= 3 and hits >= 0.3 * len(stems)))
    )


def _is_telling(stem: str) -> bool:
    return stem[0].isdigit() or not (stem in DIRECTIONS or any(stem in words for words in TO_GRADER))


def _runs(stems: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return list(zip(*(stems[i:] for i in range(length)), strict=False))


class Comparison:
    """An answer beside its target: shared ground for all the measures."""

    def __init__(
        self, target: Target, reading: Reading, usage: Usage, rows: tuple[list[int], float] | None = None
    ) -> None:
        self.target = target
        self.reading = reading
        self.usage = usage
        self.rows, self.talk = rows or kept_rows(target, reading)
        self.content = [
            row for row in self.rows if is_content(reading.forms[row]) and reading.forms[row] != NAME
        ]
        self.transitions = _transitions(reading, self.rows, usage.flow)
        self.flow = _local_flow(self.transitions, FLOW_REACH)
        self.substance = _substance(self.transitions)
        self.places: dict[str, list[int]] = {}
        for at, row in enumerate(self.rows):
            if is_content(reading.forms[row]) and reading.forms[row] != NAME:
                self.places.setdefault(reading.stems[row], []).append(at)
        self._found: dict[str, tuple[list[int], float]] = {}
        self.matches = {stem: match for stem in target.wanted if (match := self._match(stem))}

    @cached_property
    def lists(self) -> list[tuple[int, int]]:
        """First and one past the last kept row of every stretch that may be a list of keywords.

        That is four or more content words with no function word or figure between, or two with a mark
        between each.
        """
        found, first = [], 0
        forms = self.reading.forms
        for at in range(len(self.rows) + 1):
            form = forms[self.rows[at]] if at < len(self.rows) else ""
            if not form or form[0].isdigit() or not is_content(form):
                marks = sum(self.reading.listed[row] for row in self.rows[first + 1 : at])
                if at - first >= LONG_RUN or (at - first >= SHORT_LIST and marks == at - first - 1):
                    found.append((first, at))
                first = at + 1
        return found

    def without_lists(self) -> "Comparison":
        """The same answer less what may be lists of keywords."""
        listed = {row for first, last in self.lists for row in self.rows[first:last]}
        kept = [row for row in self.rows if row not in listed]
        return Comparison(self.target, self.reading, self.usage, (kept, self.talk))

    def find(self, stem: str) -> tuple[list[int], float]:
        """The places of the answer's stem most like this one, if any, and how alike the two are."""
        if stem not in self._found:
            places = self.places.get(stem)
            self._found[stem] = (places, 1.0) if places else self._closest(stem)
        return self._found[stem]

    def denied(self, place: int) -> bool:
        """Whether the answer negates the word at a place."""
        return self.reading.denied[self.rows[place]]

    def _match(self, stem: str) -> Match | None:
        places, likeness = self.find(stem)
        if not places:
            return None
        at = max(places[:MOST_PLACES], key=lambda place: (self.flow[place], -place))
        return Match(at, likeness, self.flow[at])

    def _closest(self, stem: str) -> tuple[list[int], float]:
        """By a known synonym, or by one spelt much the same; never by a word of the question."""
        asked = self.target.asked
        for other in sorted(ALIKE.get(stem, ())):
            if other in self.places and other not in asked:
                return self.places[other], SYNONYM
        best, places = 0.0, list[int]()
        for other in self._by_initial.get(stem[0], ()) if len(stem) >= FEWEST_SHARED_LETTERS else ():
            likeness = spelling_likeness(stem, other)
            if likeness > best:
                best, places = likeness, self.places[other]
        return places, best

    @cached_property
    def _by_initial(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for stem in self.places:
            if len(stem) >= FEWEST_SHARED_LETTERS and stem not in self.target.asked:
                groups.setdefault(stem[0], []).append(stem)
        return groups


def spelling_likeness(one: str, other: str) -> float:
    """From 0 to .9: how alike two stems are spelt, by the share of letter pairs (Dice's coefficient)."""
    if abs(len(one) - len(other)) > 3:
        return 0.0
    pairs, others = _letter_pairs(one), _letter_pairs(other)
    dice = 2 * len(pairs & others) / (len(pairs) + len(others))
    return 0.9 * dice if dice >= 0.6 else 0.0


@lru_cache(maxsize=4096)
def _letter_pairs(stem: str) -> frozenset[str]:
    return frozenset(stem[i : i + 2] for i in range(len(stem) - 1))


def _transitions(reading: Reading, rows: list[int], flow: Mapping[str, float]) -> list[float]:
    """How usual it is that each kept word follows the one before it."""
    values = []
    before = "."
    sentence = -1
    for row in rows:
        if reading.sentences[row] != sentence:
            before, sentence = ".", reading.sentences[row]
        elif reading.listed[row]:
            before = ","
        now = kind(reading.forms[row])
        values.append(flow.get(f"{before} {now}", UNSEEN_PAIR))
        before = now
    return values


def _substance(transitions: list[float]) -> list[float]:
    """How much each kept row counts; a text as short as one sentence may be dense and counts in full."""
    if len(transitions) <= 2 * PASSAGE_REACH:
        return [1.0] * len(transitions)
    return [_share_of_prose(flow) for flow in _local_flow(transitions, PASSAGE_REACH)]


def _share_of_prose(flow: float) -> float:
    """How much a passage counts: half if it reads like a list of keywords, fully if like prose."""
    return 0.5 + 0.5 * min(max((flow - LIKE_A_LIST) / (LIKE_PROSE - LIKE_A_LIST), 0.0), 1.0)


def _local_flow(transitions: list[float], reach: int) -> list[float]:
    """For each kept row how well the text reads around it, from 0 to 1."""
    sums = [0.0]
    for value in transitions:
        sums.append(sums[-1] + value)
    last = len(transitions)
    local = []
    for at in range(last):
        low, high = max(0, at - reach + 1), min(last, at + reach + 1)
        local.append(1 / (1 + exp(-4 * (sums[high] - sums[low]) / (high - low))))
    return local
