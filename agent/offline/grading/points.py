"""Which key points an answer makes, and where: by the rubric's signals and by the words of the points
themselves.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from agent.offline.grading.comparison import MOST_PLACES, Comparison
from agent.offline.grading.target import Phrase, Point

LONGEST_QUOTE = 40
MOST_HITS = 3
DENIAL_COST = 0.4

Span = tuple[int, int]  # the first and last place of a match


@dataclass(frozen=True, slots=True)
class Sighting:
    """What speaks for one key point, each from 0 to 1.

    `signal` is the best phrase, `hits` the number of complete phrases (three count as many), `words` the
    share of the point's own words, `prose` how much the passage of the best phrase reads like prose. `span`
    holds the first and last kept row of the best match.
    """

    signal: float
    hits: float
    words: float
    prose: float
    span: Span | None


def look_for(c: Comparison, point: Point) -> Sighting:
    """The sighting of one point in an answer."""
    seen = [_nearest(c, phrase) for phrase in point.phrases]
    own, span = max((_nearest(c, phrase) for phrase in point.own), key=_worth, default=(0.0, None))
    strength, where = max(seen, key=_worth, default=(0.0, None))
    if where is None or own > strength:
        where = span
    place = where[0] if where else None
    return Sighting(
        signal=strength,
        hits=min(sum(share >= 1.0 for share, _ in seen), MOST_HITS) / MOST_HITS,
        words=own,
        prose=c.substance[place] if place is not None else 0.0,
        span=where,
    )


def _worth(found: tuple[float, Span | None]) -> float:
    return found[0]


def _nearest(c: Comparison, phrase: Phrase) -> tuple[float, Span | None]:
    """The largest share of a phrase that stands within reach of each other, and from where to where.

    Words of the question complete a phrase but are no sign by themselves.
    """
    if c.found.keys().isdisjoint(phrase.telling):
        return 0.0, None
    reach = 5 + 4 * len(phrase.stems)
    found = [c.found[stem] for stem in phrase.stems if stem in c.found]
    most = sum(likeness for _, likeness in found)
    spots = (at for stem in phrase.telling if stem in c.found for at in c.found[stem][0][:MOST_PLACES])
    best, where = 0.0, None
    for spot in spots:
        worth, span = _around(found, spot, reach)
        if worth > best:
            best, where = worth, span
        if best >= most:
            break
    share = best / len(phrase.stems)
    if where is not None and any(c.denied[where[0] : where[1] + 1]) != phrase.denied:
        share *= DENIAL_COST
    return share, where


def _around(found: Sequence[tuple[list[int], float]], place: int, reach: int) -> tuple[float, Span]:
    """What stands within reach of a place: its worth, and the first and last place of it."""
    worth, first, last = 0.0, place, place
    for places, likeness in found:
        at = bisect_left(places, place)
        nearest = places[min(at, len(places) - 1)]
        if at and place - places[at - 1] <= abs(nearest - place):
            nearest = places[at - 1]
        if -reach <= nearest - place <= reach:
            worth += likeness
            first, last = min(first, nearest), max(last, nearest)
    return worth, (first, last)


def quote(c: Comparison, span: Span) -> tuple[int, int]:
    """The sentence around a match as offsets into the answer; a very long one is cut to the surroundings."""
    reading = c.reading
    first, last = c.rows[span[0]], c.rows[span[1]]
    opening, closing = reading.sentences[first], reading.sentences[last]
    while first > 0 and reading.sentences[first - 1] == opening and last - first < LONGEST_QUOTE:
        first -= 1
    while last + 1 < len(reading) and reading.sentences[last + 1] == closing and last - first < LONGEST_QUOTE:
        last += 1
    return reading.starts[first], reading.ends[last]
