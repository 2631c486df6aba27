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
    span: tuple[int, int] | None


def look_for(c: Comparison, point: Point) -> Sighting:
    """The sighting of one point in an answer."""
    seen = [_nearest(c, phrase) for phrase in point.phrases]
    own, span = _nearest_words(c, point)
    strength, where = max(seen, key=lambda s: s[0], default=(0.0, None))
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


def _nearest_words(c: Comparison, point: Point) -> tuple[float, tuple[int, int] | None]:
    """The nearest place of the point's own words; a point that denies in part may be met either way."""
    denied = dict(c.target.rows)
    denials = {denied.get(stem, False) for stem in point.stems}
    seen = [_nearest(c, Phrase(point.stems, each)) for each in sorted(denials)]
    return max(seen, key=lambda found: found[0], default=(0.0, None))


def _nearest(c: Comparison, phrase: Phrase) -> tuple[float, tuple[int, int] | None]:
    """The largest share of a phrase that stands within reach of each other, and from where to where.

    Words of the question complete a phrase but are no sign by themselves.
    """
    telling = [stem for stem in phrase.stems if stem not in c.target.asked]
    if not any(c.find(stem)[0] for stem in telling):
        return 0.0, None
    reach = 5 + 4 * len(phrase.stems)
    found = [c.find(stem) for stem in phrase.stems]
    best, where = 0.0, None
    for stem in telling:
        for place in c.find(stem)[0][:MOST_PLACES]:
            worth, span = _around(found, place, reach)
            if worth > best:
                best, where = worth, span
    share = best / len(phrase.stems)
    if where is not None and any(map(c.denied, range(where[0], where[1] + 1))) != phrase.denied:
        share *= DENIAL_COST
    return share, where


def _around(
    found: Sequence[tuple[list[int], float]], place: int, reach: int
) -> tuple[float, tuple[int, int]]:
    """What stands within reach of a place: its worth, and the first and last place of it."""
    worth, first, last = 0.0, place, place
    for places, likeness in found:
        at = bisect_left(places, place)
        after = places[at] - place if at < len(places) else reach + 1
        before = place - places[at - 1] if at else reach + 1
        if min(before, after) <= reach:
            nearest = place - before if before <= after else place + after
            worth += likeness
            first, last = min(first, nearest), max(last, nearest)
    return worth, (first, last)


def quote(c: Comparison, span: tuple[int, int]) -> tuple[int, int]:
    """The sentence around a match as offsets into the answer; a very long one is cut to the surroundings."""
    reading = c.reading
    first, last = c.rows[span[0]], c.rows[span[1]]
    opening, closing = reading.sentences[first], reading.sentences[last]
    while first > 0 and reading.sentences[first - 1] == opening and last - first < LONGEST_QUOTE:
        first -= 1
    while last + 1 < len(reading) and reading.sentences[last + 1] == closing and last - first < LONGEST_QUOTE:
        last += 1
    return reading.starts[first], reading.ends[last]
