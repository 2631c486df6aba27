"""What the grader measures of an answer against its target, as numbers a fitted model can weigh."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import compress, pairwise
from math import log1p, sqrt
from operator import and_

from agent.offline.grading.comparison import FIRST_PERSON, LONG_RUN, MOST_PLACES, Comparison, runs
from agent.offline.grading.grammar import word_list
from agent.offline.grading.lexicon import GENERIC, META, OPPOSITE
from agent.offline.grading.target import Entries, split_entries

NEAR = 4
ZONE = 7
SHORT_REFERENCE = 6
FIGURES_ASKED = 2
MOST_OF_A_WORD = 0.6
WINDOW = 8

_BE = word_list("be")
_MODALS = word_list("modals")
_DO = word_list("do")
_VERBS = _BE | _MODALS | _DO


def measure(c: Comparison) -> dict[str, float]:
    """All measures by name."""
    return {
        **_coverage(c),
        **_rarity(c),
        **_lists(c),
        **_extent(c),
        **_order(c),
        **_polarity(c),
        **_form(c),
        **_question(c),
        **_findings(c),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _coverage(c: Comparison) -> dict[str, float]:
    wanted = c.target.wanted
    weights = {stem: match.likeness for stem, match in c.matches.items()}
    total = sum(weights.values())
    found = c.target.denied.keys() & c.places.keys()
    return {
        "recall": _share(total, len(wanted)),
        "recall_all": _share(len(found), len(c.target.denied)),
        "matched": log1p(total),
        "matched_all": log1p(total + len(found & c.target.asked)),
        "cosine": _cosine(c),
        "letters": _letters(c),
    }


def _rarity(c: Comparison) -> dict[str, float]:
    """Coverage with each stem counted by how rare it is, so that words of the course say little."""
    weigh, reference = c.usage.weigh, c.target.denied
    matched = {stem: match.likeness * c.usage.rare(stem) for stem, match in c.matches.items()}
    total = sum(matched.values())
    asked = sorted(c.target.asked)
    new = [stem for stem in c.places if stem not in reference and stem not in c.target.asked]
    clash = sum(matched[s] for s, m in c.matches.items() if c.denied[m.row] != reference[s])
    return {
        "rare_recall": _share(total, c.wanted_weight),
        "rare_matched": log1p(total),
        "rare_best": max(matched.values(), default=0.0),
        "rare_wanted": max(map(c.usage.rare, c.target.wanted), default=0.0),
        "rare_recall_all": _share(weigh(s for s in reference if s in c.places), weigh(reference)),
        "rare_asked": _share(weigh(s for s in asked if s in c.places), weigh(asked)),
        "rare_new": _share(weigh(new), weigh(c.places)),
        "rare_clash": _share(clash, total),
    }


def _lists(c: Comparison) -> dict[str, float]:
    """What may be lists of keywords: how much of the answer they are, and how much of the match."""
    known, wanted = c.target.denied, c.target.wanted
    listed = {at for first, last in c.lists for at in range(first, last)}
    inside = {c.stems[at] for at in listed}
    told = {stem for at, stem in enumerate(c.stems) if at not in listed}

    def hits(first: int, last: int) -> int:
        return sum(stem in known for stem in c.stems[first:last])

    first, last = max(c.lists, key=lambda span: hits(*span), default=(0, 0))
    marks = sum(c.listed[first + 1 : last])
    return {
        "list_rows": _share(len(listed), len(c.rows)),
        "list_only": _share(
            c.usage.weigh(s for s in wanted if s in inside and s not in told), c.wanted_weight
        ),
        "list_known": _share(len(inside & known.keys()), len(inside)),
        "list_longest": log1p(last - first),
        "list_hits": _share(hits(first, last), last - first),
        "list_marks": _share(marks, last - first - 1),
        "list_opens": float(last > 0 and first == 0),
        "list_closes": float(last > 0 and last == len(c.rows)),
        "told_rows": log1p(len(c.rows) - len(listed)),
        "told_recall": _share(c.usage.weigh(s for s in wanted if s in told), c.wanted_weight),
    }


def _cosine(c: Comparison) -> float:
    """The angle between answer and reference as bags of stems, repeated ones counted by their square root."""
    counts = Counter(stem for stem, _ in c.target.rows)
    dot = sum(sqrt(n * len(c.places[stem])) for stem, n in counts.items() if stem in c.places)
    return _share(dot, sqrt(len(c.target.rows) * len(c.content)))


def _letters(c: Comparison) -> float:
    """The share of the reference's letter triples that the answer has: catches compounds and misspellings.

    The triples of a word count only as far as they stand in one word, and only if most of them do, so that
    names and other chance likenesses add nothing.
    """
    asked = c.target.asked
    holders: dict[str, list[str]] = {}
    for stem in c.places.keys() - asked:
        for triple in _triples(stem):
            holders.setdefault(triple, []).append(stem)
    found = whole = 0
    for stem in c.target.wanted:
        own = _triples(stem)
        whole += len(own)
        if stem in c.places and stem not in asked:
            found += len(own)  # no other word has more of them
        elif sum(map(holders.__contains__, own)) >= MOST_OF_A_WORD * len(own):
            most = max(Counter(holder for triple in own for holder in holders.get(triple, ())).values())
            found += most if most >= MOST_OF_A_WORD * len(own) else 0
    return _share(found, whole)


@lru_cache(maxsize=4096)
def _triples(stem: str) -> frozenset[str]:
    padded = f"^{stem}$"
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


def _extent(c: Comparison) -> dict[str, float]:
    asked = c.target.asked
    distinct = c.places.keys() - asked
    hits = {c.stems[m.row] for m in c.matches.values()}
    near = stems_around(c, {at for stem in c.matches for at in c.found[stem][0]}, ZONE)
    unmatched = distinct - c.matches.keys()
    return {
        "precision": _share(len(hits), len(distinct)),
        "precision_near": _share(len(hits), len(near)),
        "length": log1p(len(distinct)),
        "rows_ratio": log1p(len(c.rows)) - log1p(len(c.target.reference)),
        "asked_cover": _share(len(c.places.keys() & asked), len(asked)),
        "generic": _share(len(unmatched & GENERIC), len(distinct)),
        "meta": _share(len(unmatched & META), len(distinct)),
        "talk": c.talk,
        "rows": log1p(len(c.rows)),
    }


def stems_around(c: Comparison, spots: Iterable[int], reach: int) -> set[str]:
    """The content stems within reach of some spots, but those of the question."""
    done = 0
    found: set[str] = set()
    for spot in sorted(spots):
        near = slice(max(done, spot - reach), spot + reach + 1)
        found.update(compress(c.stems[near], c.telling[near]))
        done = spot + reach + 1
    return found - c.target.asked


def _order(c: Comparison) -> dict[str, float]:
    t = c.target
    pairs = [(a, b) for (a, _), (b, _) in pairwise(t.rows) if a != b]
    neighbours = set(pairwise(t.reference.stems))
    ordered = either = both = 0
    for a, b in pairs:
        places, others = c.places.get(a), c.places.get(b)
        if not places or not others:
            continue
        both += 1
        forward = any(_within(others, at + 1, at + NEAR) for at in places[:MOST_PLACES])
        ordered += forward
        either += forward or any(_within(others, at - NEAR, at - 1) for at in places[:MOST_PLACES])
    firsts = [c.places[stem][0] for stem in t.denied if stem in c.places]
    rising = sum(a < b for a, b in pairwise(firsts))
    return {
        "neighbours": _share(len(neighbours.intersection(pairwise(c.stems))), len(neighbours)),
        "in_order": _share(_in_order(c), len(t.rows)),
        "pairs": _share(ordered, len(pairs)),
        "pairs_ordered": _share(ordered, both) if both else 0.5,
        "pairs_near": _share(either, both) if both else 0.5,
        "rising": _share(rising, len(firsts) - 1) if len(firsts) > 1 else 0.5,
    }


def _in_order(c: Comparison) -> int:
    """The length of the longest common subsequence of content stems (Hunt and Szymanski, 1977)."""
    places: dict[str, list[int]] = {}
    for at, (stem, _) in reversed(list(enumerate(c.target.rows))):
        places.setdefault(stem, []).append(at)
    ends: list[int] = []
    for stem in c.stems:
        for at in places.get(stem, ()):
            where = bisect_left(ends, at)
            ends[where : where + 1] = [at]
    return len(ends)


def _within(places: list[int], low: int, high: int) -> bool:
    return bisect_right(places, high) > bisect_left(places, low)


def _polarity(c: Comparison) -> dict[str, float]:
    """Where answer and reference disagree: one denies what the other says, or says the opposite."""
    t, reading = c.target, c.reading
    agree = clash = 0.0
    opposed = swapped = 0
    for stem, denied_there in t.denied.items():
        if stem in c.places:
            places = c.places[stem][:MOST_PLACES]
            share = sum(c.denied[at] != denied_there for at in places) / len(places)
            clash += share
            agree += 1 - share
        elif stem in OPPOSITE and (against := [o for o in OPPOSITE[stem] if o in c.places]):
            straight = any(c.denied[at] == denied_there for o in against for at in c.places[o][:5])
            opposed += straight
            swapped += not straight
    negators = reading.negators
    denied = _share(sum(reading.denied), len(reading))
    touched = list(compress(c.stems, map(and_, c.denied, c.telling)))
    before = [
        reading.forms[row - 1] if row else ""
        for row, form in zip(c.rows, c.forms, strict=True)
        if form == "not"
    ]
    return {
        "not_be": min(sum(form in _BE for form in before), 3),
        "not_may": min(sum(form in _MODALS for form in before), 3),
        "not_do": min(sum(form in _DO for form in before), 3),
        "not_share": _not_share(c),
        "not_flow": _not_flow(c),
        "rare_affirmed": _affirmed(c),
        "clash_wanted": _clash_wanted(c),
        "denied_more": denied - _share(sum(t.reference.denied), len(t.reference)),
        "denied_known": _share(sum(stem in t.denied or stem in t.asked for stem in touched), len(touched)),
        "denied_first": _share([*reading.denied, True].index(True), len(reading)),
        "not_so": min(reading.denials, 2),
        "clash": _share(clash, clash + agree),
        "clash_any": float(clash > agree),
        "opposed": min(opposed, 3),
        "opposed_share": _share(opposed, len(t.wanted)),
        "swapped": min(swapped, 2),
        "negators": min(negators, 4),
        "negators_ratio": _share(negators, sqrt(1 + len(c.rows))),
        "negators_expected": min(t.reference.negators, 4),
        "negators_more": max(-3, min(3, negators - t.reference.negators)),
    }


def _not_share(c: Comparison) -> float:
    """The share of the verbs that can carry `not` which do."""
    forms = c.reading.forms
    verbs = [row for row, form in zip(c.rows, c.forms, strict=True) if form in _VERBS]
    return _share(sum(row + 1 < len(forms) and forms[row + 1] == "not" for row in verbs), len(verbs))


def _not_flow(c: Comparison) -> float:
    """How usual the word after a `not` is, at the worst: a `not` put in later fits badly."""
    after = (t for form, t in zip(c.forms[:-1], c.transitions[1:], strict=True) if form == "not")
    return min(after, default=1.0)


def _affirmed(c: Comparison) -> float:
    """The share of what is wanted that the answer says as the reference does, neither denying it alone."""
    agreed = [s for s, m in c.matches.items() if c.denied[m.row] == c.target.denied[s]]
    return _share(c.usage.weigh(agreed), c.wanted_weight)


def _clash_wanted(c: Comparison) -> float:
    """The share of the matched stems on whose denial answer and reference disagree."""
    clashes = sum(c.denied[m.row] != c.target.denied[stem] for stem, m in c.matches.items())
    return _share(clashes, len(c.matches))


def _form(c: Comparison) -> dict[str, float]:
    t = c.transitions
    function = len(c.rows) - len(c.content)
    windows = list(map(sum, runs(t, WINDOW)))
    matched_flow = [m.flow for m in c.matches.values()]
    lengths = _content_runs(c)
    known = c.target.denied.keys()
    touching: dict[int, set[str]] = {}
    for at in c.content:
        touching.setdefault(c.sentences[at], set()).add(c.stems[at])
    full = [stems for stems in touching.values() if len(stems) > 1]
    in_run = sum(lengths[match.row] >= LONG_RUN for match in c.matches.values())
    return {
        "flow": _share(sum(t), len(t)),
        "flow_worst": min(windows) / WINDOW if windows else _share(sum(t), len(t)),
        "flow_matched": _share(sum(matched_flow), len(matched_flow)) if matched_flow else 0.5,
        "run_longest": log1p(max(lengths, default=0)),
        "run_share": _share(sum(length >= LONG_RUN for length in lengths), len(lengths)),
        "run_matched": _share(in_run, len(c.matches)),
        "sentences_known": _share(sum(not stems.isdisjoint(known) for stems in full), len(full))
        if full
        else 0.5,
        "flow_lowest": min(c.flow, default=0.5),
        "function": _share(function, len(c.rows)),
        "listed": _share(sum(c.listed), len(c.rows)),
        "first_person": _share(sum(map(FIRST_PERSON.__contains__, c.forms)), len(c.rows)),
        "sentences": log1p(c.reading.sentences[-1] if c.reading.forms else 0),
    }


def _content_runs(c: Comparison) -> list[int]:
    """For every kept row how many content words in a row surround it, with no function word between."""
    lengths = [0] * len(c.rows)
    first = 0
    function = [at for at, telling in enumerate(c.telling) if not telling]
    for at in (*function, len(c.rows)):
        lengths[first:at] = [at - first] * (at - first)
        first = at + 1
    return lengths


def _question(c: Comparison) -> dict[str, float]:
    t = c.target
    forms = t.question.forms
    return {
        "wanted": log1p(len(t.wanted)),
        "asked": log1p(len(t.asked)),
        "reference": float(len(t.reference)),
        "reference_short": float(len(t.reference) <= SHORT_REFERENCE),
        "parts_asked": log1p(t.question.text.count("?")),
        "asks_why": float("why" in forms or "explain" in forms),
        "reference_asked": _share(sum(s in t.asked for s, _ in t.rows), len(t.rows)),
    }


def _findings(c: Comparison) -> dict[str, float]:
    """Where a question asks for figures, how far there are none; where it lists labels, what share is right
    under each, if the answer names them.
    """
    t, stems = c.target, c.reading.stems
    figures = {stem for stem in stems if stem[0].isdigit()}.difference(t.question.stems) if t.figures else ()
    told = split_entries(stems, t.entries.told) if t.entries else {}
    return {
        "figures_missing": 1 - min(1.0, len(figures) / FIGURES_ASKED) if t.figures else 0.0,
        "entries_named": float(bool(told)),
        "entries": _entries_right(t.entries, told) if t.entries else 0.0,
    }


def _entries_right(entries: Entries, told: Mapping[str, set[str]]) -> float:
    """The mean over all entries of how much of what is told under the label stands there in the reference."""
    total = 0.0
    for label, wanted in entries.told.items():
        own = sorted(told.get(label, ()))
        total += _share(sum(entries.weigh(s) for s in own if s in wanted), sum(entries.weigh(s) for s in own))
    return total / len(entries.told)
