"""An answer beside its target: which of its words count, what they match, and how well they read there."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, compress, pairwise
from math import exp
from typing import TypeVar

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
MOST_LETTERS_MORE = 3
FEWEST_PAIRS_SHARED = 0.6
SPELT_ALIKE = 0.9  # of the share of letter pairs

Value = TypeVar("Value")
Spelling = tuple[str, frozenset[str]]  # a stem and its letter pairs

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

    def rare(self, stem: str) -> float:
        """The rarity of one stem."""
        return self.rarity.get(stem, self.unknown)

    def weigh(self, stems: Iterable[str]) -> float:
        """The rarity of some stems together."""
        rarity, unknown = self.rarity, self.unknown
        return sum([rarity.get(stem, unknown) for stem in stems])


@dataclass(frozen=True, slots=True)
class Match:
    """Where a wanted stem was found, how alike the words are and how well the text reads there (0 to 1)."""

    row: int
    likeness: float
    flow: float


@lru_cache(maxsize=1 << 12)
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
    fillers = []
    for first, last in _sentences(reading):
        stems = set(compress(reading.stems[first:last], reading.content[first:last]))
        if _speaks_to_grader(target, stems):
            dropped[first:last] = b"\1" * (last - first)
        if _is_filler(target, stems):
            fillers.append((first, last))
    gone = bytearray(dropped)
    for first, last in fillers:
        gone[first:last] = b"\1" * (last - first)
    if list(compress(gone, reading.content)).count(0) >= FEWEST_WORDS_LEFT:
        dropped = gone
    talk = sum(last - first for first, last in fillers) / max(1, len(reading))
    return [row for row, is_dropped in enumerate(dropped) if not is_dropped], talk


def _drop_copies(target: Target, stems: Sequence[str], dropped: bytearray) -> None:
    copied = min(COPIED_RUN, max(2, len(target.question)))
    asked_runs = set(runs(target.question.stems, copied))
    for row, run in enumerate(runs(stems, copied)):
        if run in asked_runs:
            dropped[row : row + copied] = b"\1" * copied


def _drop_repetitions(stems: Sequence[str], dropped: bytearray) -> None:
    seen: set[tuple[str, ...]] = set()
    for row, run in enumerate(runs(stems, REPEATED_RUN)):
        if run in seen:
            dropped[row : row + REPEATED_RUN] = b"\1" * REPEATED_RUN
        seen.add(run)


def _sentences(reading: Reading) -> Iterator[tuple[int, int]]:
    """First and one past the last row of every sentence."""
    numbers = reading.sentences
    starts = [row for row, (one, other) in enumerate(pairwise(numbers), start=1) if one != other]
    return pairwise([0, *starts, len(numbers)] if numbers else ())


def _is_filler(target: Target, stems: AbstractSet[str]) -> bool:
    """Whether a sentence is talk that touches nothing the reference wants, but for words of talk."""
    stems = stems - DIRECTIONS
    touched = stems & target.hopes
    if not stems or not touched <= GENERIC:
        return False
    talk = sum(stem in GENERIC or stem in META for stem in stems - target.asked)
    return talk >= (TOUCHING_FILLER_SHARE if touched else FILLER_SHARE) * len(stems)


def _speaks_to_grader(target: Target, stems: AbstractSet[str]) -> bool:
    """Whether a sentence asks for a mark or gives orders, in whatever words.

    It mixes words of several kinds (`TO_GRADER`: marks, praise, orders, roles) with little else. Words that
    the question or the reference uses are no sign of it, and other words that the reference wants speak
    for the sentence.
    """
    own = stems - target.asked - target.hopes
    kinds = [len(own & words) for words in TO_GRADER]
    hits, mixed = sum(kinds), sum(count > 0 for count in kinds)
    return (
        hits >= 2
        and ((mixed >= 2 and hits >= 0.5 * len(stems)) or (mixed >= 3 and hits >= 0.3 * len(stems)))
        and hits > 2 * sum(map(_is_telling, stems & target.hopes))
    )


def _is_telling(stem: str) -> bool:
    return stem[0].isdigit() or not (stem in DIRECTIONS or any(stem in words for words in TO_GRADER))


def runs(column: Sequence[Value], length: int) -> Iterator[tuple[Value, ...]]:
    """All runs of so many neighbours."""
    return zip(*(column[i:] for i in range(length)), strict=False)


class Comparison:
    """An answer beside its target: shared ground for all the measures.

    `rows` are the rows of the reading that count, and `talk` is the share that is mere talk. `forms`,
    `stems`, `telling` (whether a content word), `sentences`, `denied` and `listed` are the columns of those
    rows, and all places are places in them. `content` are those of content words but names, `places` the
    same by stem, and `found` those of each stem that is sought, or of the answer's stem most like it, and
    how alike the two are.
    """

    def __init__(
        self, target: Target, reading: Reading, usage: Usage, rows: tuple[list[int], float] | None = None
    ) -> None:
        self.target = target
        self.reading = reading
        self.usage = usage
        self.rows, self.talk = rows or kept_rows(target, reading)
        self.forms = _kept(reading.forms, self.rows)
        self.stems = _kept(reading.stems, self.rows)
        self.telling = _kept(reading.content, self.rows)
        self.denied = _kept(reading.denied, self.rows)
        self.listed = _kept(reading.listed, self.rows)
        self.sentences = _kept(reading.sentences, self.rows)
        self.transitions = _transitions(self.forms, self.listed, self.sentences, usage.flow)
        self.flow = _local_flow(self.transitions, FLOW_REACH)
        self.substance = _substance(self.transitions)
        self.content = [at for at in compress(range(len(self.rows)), self.telling) if self.stems[at] != NAME]
        self.places: dict[str, list[int]] = {}
        for at in self.content:
            self.places.setdefault(self.stems[at], []).append(at)
        self.found = {stem: found for stem in target.sought if (found := self._find(stem))[0]}
        self.matches = {stem: self._match(stem) for stem in target.wanted if stem in self.found}

    @cached_property
    def lists(self) -> list[tuple[int, int]]:
        """First and one past the last place of every stretch that may be a list of keywords.

        That is four or more content words with no function word or figure between, or two with a mark
        between each.
        """
        words = enumerate(zip(self.forms, self.telling, strict=True))
        breaks = [at for at, (form, telling) in words if not telling or form[0].isdigit()]
        found, first = [], 0
        for at in (*breaks, len(self.rows)):
            length = at - first
            if length >= LONG_RUN or (
                length >= SHORT_LIST and sum(self.listed[first + 1 : at]) == length - 1
            ):
                found.append((first, at))
            first = at + 1
        return found

    @cached_property
    def wanted_weight(self) -> float:
        """The rarity of all that is wanted."""
        return self.usage.weigh(self.target.wanted)

    def without_lists(self) -> "Comparison":
        """The same answer less what may be lists of keywords."""
        listed = {row for first, last in self.lists for row in self.rows[first:last]}
        kept = [row for row in self.rows if row not in listed]
        return Comparison(self.target, self.reading, self.usage, (kept, self.talk))

    def _match(self, stem: str) -> Match:
        places, likeness = self.found[stem]
        at = max(places[:MOST_PLACES], key=lambda place: (self.flow[place], -place))
        return Match(at, likeness, self.flow[at])

    def _find(self, stem: str) -> tuple[list[int], float]:
        """Places of the stem, else of a synonym, else of the stem spelt most alike that is not asked."""
        if stem in self.places:
            return self.places[stem], 1.0
        for other in ALIKE.get(stem, ()):
            if other in self.places and other not in self.target.asked:
                return self.places[other], SYNONYM
        likely = self._by_initial.get(stem[0]) if len(stem) >= FEWEST_SHARED_LETTERS else None
        return self._spelt_alike(stem, likely) if likely else ([], 0.0)

    def _spelt_alike(self, stem: str, likely: list[Spelling]) -> tuple[list[int], float]:
        """The places of the likely stem that shares most letter pairs (Dice's coefficient), if enough."""
        own, length = _letter_pairs(stem), len(stem)
        best, nearest = 0.0, ""
        for other, pairs in likely:
            if -MOST_LETTERS_MORE <= length - len(other) <= MOST_LETTERS_MORE:
                dice = 2 * len(own & pairs) / (len(own) + len(pairs))
                if dice > best:
                    best, nearest = dice, other
        return (self.places[nearest], SPELT_ALIKE * best) if best >= FEWEST_PAIRS_SHARED else ([], 0.0)

    @cached_property
    def _by_initial(self) -> dict[str, list[Spelling]]:
        """By their first letter the longer stems that the question does not have, with their letter pairs."""
        groups: dict[str, list[Spelling]] = {}
        for stem in self.places:
            if len(stem) >= FEWEST_SHARED_LETTERS and stem not in self.target.asked:
                groups.setdefault(stem[0], []).append((stem, _letter_pairs(stem)))
        return groups


def _kept(column: list[Value], rows: list[int]) -> list[Value]:
    return column if len(rows) == len(column) else [column[row] for row in rows]


@lru_cache(maxsize=4096)
def _letter_pairs(stem: str) -> frozenset[str]:
    return frozenset(stem[i : i + 2] for i in range(len(stem) - 1))


def _transitions(
    forms: list[str], listed: list[bool], sentences: list[int], flow: Mapping[str, float]
) -> list[float]:
    """How usual it is that each kept word follows the one before it."""
    values = []
    before = "."
    sentence = -1
    for form, is_listed, its_sentence in zip(forms, listed, sentences, strict=True):
        if its_sentence != sentence:
            before, sentence = ".", its_sentence
        elif is_listed:
            before = ","
        now = kind(form)
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
    if flow >= LIKE_PROSE:
        return 1.0
    return 0.5 + 0.5 * max((flow - LIKE_A_LIST) / (LIKE_PROSE - LIKE_A_LIST), 0.0)


def _local_flow(transitions: list[float], reach: int) -> list[float]:
    """For each kept row how well the text reads around it, from 0 to 1."""
    sums = list(accumulate(transitions, initial=0.0))
    last = len(transitions)
    local = []
    for at in range(last):
        low = at - reach + 1 if at >= reach else 0
        high = at + reach + 1 if at + reach < last else last
        local.append(1 / (1 + exp(-4 * (sums[high] - sums[low]) / (high - low))))
    return local
