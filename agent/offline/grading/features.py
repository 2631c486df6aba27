"""What the grader measures of an answer against its target, as numbers a fitted model can weigh."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log1p, sqrt

from agent.offline.grading.comparison import FIRST_PERSON, MOST_PLACES, Comparison
from agent.offline.grading.grammar import word_list
from agent.offline.grading.lexicon import GENERIC, META, OPPOSITE
from agent.offline.grading.text import is_content

NEAR = 4
ZONE = 7
LONG_RUN = 4

_BE = word_list("be")
_MODALS = word_list("modals")
_DO = word_list("do")


def measure(c: Comparison) -> dict[str, float]:
    """All measures by name."""
    return {
        **_coverage(c),
        **_extent(c),
        **_order(c),
        **_polarity(c),
        **_form(c),
        **_question(c),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _coverage(c: Comparison) -> dict[str, float]:
    wanted = c.target.wanted
    weights = {stem: match.likeness for stem, match in c.matches.items()}
    total = sum(weights.values())
    flowing = sum(match.likeness * match.flow for match in c.matches.values())
    exact = sum(stem in c.places for stem in wanted)
    all_rows = list(dict.fromkeys(stem for stem, _ in c.target.rows))
    asked = [stem for stem in all_rows if stem in c.target.asked]
    asked_hits = sum(stem in c.places for stem in asked)
    points = [_share(sum(weights.get(s, 0.0) for s in p.stems), len(p.stems)) for p in c.target.points]
    return {
        "recall": _share(total, len(wanted)),
        "recall_exact": _share(exact, len(wanted)),
        "recall_flowing": _share(flowing, len(wanted)),
        "recall_all": _share(sum(stem in c.places for stem in all_rows), len(all_rows)),
        "matched": log1p(total),
        "matched_flowing": log1p(flowing),
        "point_best": max(points, default=0.0),
        "point_mean": _share(sum(points), len(points)),
        "point_worst": min(points, default=0.0),
        "points_half": _share(sum(p >= 0.5 for p in points), len(points)),
        "recall_half": _share(total + 0.5 * asked_hits, len(wanted) + 0.5 * len(asked)),
        "matched_all": log1p(total + asked_hits),
        "cosine": _cosine(c),
        "digits": _digits(c),
        "letters": _letters(c),
    }


def _cosine(c: Comparison) -> float:
    """The angle between answer and reference as bags of stems, repeated ones counted by their square root."""
    counts: dict[str, int] = {}
    for stem, _ in c.target.rows:
        counts[stem] = counts.get(stem, 0) + 1
    dot = sum(sqrt(n * len(c.places[stem])) for stem, n in counts.items() if stem in c.places)
    return _share(dot, sqrt(sum(counts.values()) * len(c.content)))


def _digits(c: Comparison) -> float:
    digits = [stem for stem in c.target.wanted if stem[0].isdigit()]
    return _share(sum(d in c.places for d in digits), len(digits)) if digits else 0.5


def _letters(c: Comparison) -> float:
    """The share of the reference's letter triples that the answer has: catches compounds and misspellings."""
    wanted = _triples(c.target.wanted)
    return _share(len(wanted & _triples([s for s in c.places if s not in c.target.asked])), len(wanted))


def _triples(stems: Sequence[str]) -> set[str]:
    found = set[str]()
    for stem in stems:
        padded = f"^{stem}$"
        found.update(padded[i : i + 3] for i in range(len(padded) - 2))
    return found


def _extent(c: Comparison) -> dict[str, float]:
    stems, forms = c.reading.stems, c.reading.forms
    asked = c.target.asked
    own = [row for row in c.content if stems[row] not in asked]
    distinct = {stems[row] for row in own}
    hits = {stems[c.rows[m.row]] for m in c.matches.values()}
    spots = sorted({at for stem in c.matches for at in c.find(stem)[0]})
    near = {stems[c.rows[at]] for at in around(c, spots, ZONE) if is_content(forms[c.rows[at]])} - asked
    generic = {s for s in distinct if s in GENERIC and s not in c.matches}
    meta = {s for s in distinct if s in META and s not in c.matches}
    return {
        "precision": _share(len(hits), len(distinct)),
        "precision_near": _share(len(hits), len(near)),
        "length": log1p(len(distinct)),
        "length_near": log1p(len(near)),
        "rows_ratio": log1p(len(c.rows)) - log1p(len(c.target.reference)),
        "figures": log1p(len({stems[r] for r in own if stems[r][0].isdigit()})),
        "length_ratio": log1p(len(distinct)) - log1p(len(c.target.wanted)),
        "asked_share": _share(len(c.content) - len(own), len(c.content)),
        "asked_cover": _share(len({stems[r] for r in c.content} & asked), len(asked)),
        "generic": _share(len(generic), len(distinct)),
        "meta": _share(len(meta), len(distinct)),
        "talk": c.talk,
        "kept": _share(len(c.rows), len(forms)),
        "rows": log1p(len(c.rows)),
    }


def around(c: Comparison, spots: Sequence[int], reach: int) -> Iterator[int]:
    """The places within reach of some spots, each once; the spots are in order."""
    done = 0
    for spot in spots:
        yield from range(max(done, spot - reach), min(len(c.rows), spot + reach + 1))
        done = max(done, spot + reach + 1)


def _order(c: Comparison) -> dict[str, float]:
    rows = [stem for stem, _ in c.target.rows]
    pairs = [(a, b) for a, b in pairwise(rows) if a != b]
    ordered = either = both = 0
    for a, b in pairs:
        places, others = c.places.get(a), c.places.get(b)
        if not places or not others:
            continue
        both += 1
        forward = any(_within(others, at + 1, at + NEAR) for at in places[:MOST_PLACES])
        ordered += forward
        either += forward or any(_within(others, at - NEAR, at - 1) for at in places[:MOST_PLACES])
    firsts = [c.places[stem][0] for stem in dict.fromkeys(rows) if stem in c.places]
    rising = sum(a < b for a, b in pairwise(firsts))
    return {
        "pairs": _share(ordered, len(pairs)),
        "pairs_ordered": _share(ordered, both) if both else 0.5,
        "pairs_near": _share(either, both) if both else 0.5,
        "rising": _share(rising, len(firsts) - 1) if len(firsts) > 1 else 0.5,
    }


def _within(places: list[int], low: int, high: int) -> bool:
    return bisect_right(places, high) > bisect_left(places, low)


def _polarity(c: Comparison) -> dict[str, float]:
    """Where answer and reference disagree: one denies what the other says, or says the opposite."""
    denied_there = dict(c.target.rows)
    agree = clash = 0.0
    for stem in dict.fromkeys(s for s, _ in c.target.rows):
        places = c.places.get(stem)
        if places is None:
            continue
        flips = sum(c.denied(at) != denied_there[stem] for at in places[:MOST_PLACES])
        share = flips / min(len(places), MOST_PLACES)
        clash += share
        agree += 1 - share
    opposed = swapped = 0
    for stem in dict.fromkeys(s for s, _ in c.target.rows):
        against = [o for o in OPPOSITE.get(stem, ()) if o in c.places]
        if against and stem not in c.places:
            straight = sum(c.denied(at) == denied_there[stem] for o in against for at in c.places[o][:5])
            opposed += straight > 0
            swapped += straight == 0
    negators = c.reading.negators
    forms = c.reading.forms
    before = [forms[row - 1] if row else "" for row in c.rows if forms[row] == "not"]
    return {
        "not_be": min(sum(form in _BE for form in before), 3),
        "not_may": min(sum(form in _MODALS for form in before), 3),
        "not_do": min(sum(form in _DO for form in before), 3),
        "not_share": _not_share(c),
        "clash_wanted": _clash_wanted(c),
        "not_so": min(c.reading.denials, 2),
        "clash": _share(clash, clash + agree),
        "clash_any": float(clash > agree),
        "opposed": min(opposed, 3),
        "opposed_share": _share(opposed, len(c.target.wanted)),
        "swapped": min(swapped, 2),
        "negators": min(negators, 4),
        "negators_ratio": _share(negators, sqrt(1 + len(c.rows))),
        "negators_expected": min(c.target.reference.negators, 4),
        "negators_more": max(-3, min(3, negators - c.target.reference.negators)),
    }


def _not_share(c: Comparison) -> float:
    """The share of the verbs that can carry `not` which do."""
    forms = c.reading.forms
    verbs = [row for row in c.rows if forms[row] in _BE or forms[row] in _MODALS or forms[row] in _DO]
    return _share(sum(row + 1 < len(forms) and forms[row + 1] == "not" for row in verbs), len(verbs))


def _clash_wanted(c: Comparison) -> float:
    """The share of the matched stems on whose denial answer and reference disagree."""
    denied_there = dict(c.target.rows)
    clashes = sum(c.denied(m.row) != denied_there[stem] for stem, m in c.matches.items())
    return _share(clashes, len(c.matches))


def _form(c: Comparison) -> dict[str, float]:
    forms = c.reading.forms
    t = c.transitions
    function = len(c.rows) - len(c.content)
    windows = [sum(t[i : i + 8]) / 8 for i in range(len(t) - 7)]
    matched_flow = [m.flow for m in c.matches.values()]
    runs = _content_runs(c)
    in_run = sum(runs[match.row] >= LONG_RUN for match in c.matches.values())
    listed = sum(c.reading.listed[row] for row in c.rows)
    return {
        "flow": _share(sum(t), len(t)),
        "flow_worst": min(windows) if windows else _share(sum(t), len(t)),
        "flow_matched": _share(sum(matched_flow), len(matched_flow)) if matched_flow else 0.5,
        "run_longest": log1p(max(runs, default=0)),
        "run_share": _share(sum(run >= LONG_RUN for run in runs), len(runs)),
        "run_matched": _share(in_run, len(c.matches)),
        "flow_lowest": min(c.flow, default=0.5),
        "function": _share(function, len(c.rows)),
        "listed": _share(listed, len(c.rows)),
        "first_person": _share(sum(forms[r] in FIRST_PERSON for r in c.rows), len(c.rows)),
        "sentences": log1p(c.reading.sentences[-1] if forms else 0),
    }


def _content_runs(c: Comparison) -> list[int]:
    """For every kept row how many content words in a row surround it, with no function word between."""
    forms = c.reading.forms
    lengths = [0] * len(c.rows)
    first = 0
    for at in range(len(c.rows) + 1):
        if at == len(c.rows) or not is_content(forms[c.rows[at]]):
            lengths[first:at] = [at - first] * (at - first)
            first = at + 1
    return lengths


def _question(c: Comparison) -> dict[str, float]:
    t = c.target
    forms = t.question.forms
    head = forms[:6]
    return {
        "wanted": log1p(len(t.wanted)),
        "asked": log1p(len(t.asked)),
        "points": log1p(len(t.points)),
        "reference_flow": _share(len(t.wanted), len(t.reference)),
        "asks_why": float("why" in forms or "explain" in forms),
        "asks_how": float("how" in head),
        "asks_difference": float("difference" in forms or "differ" in forms or "advantage" in forms),
        "reference_asked": _share(sum(s in t.asked for s, _ in t.rows), len(t.rows)),
    }
