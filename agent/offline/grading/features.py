"""What the grader measures of an answer against its target, as numbers a fitted model can weigh."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import log1p, sqrt

from agent.offline.grading.comparison import FIRST_PERSON, LONG_RUN, MOST_PLACES, Comparison
from agent.offline.grading.grammar import word_list
from agent.offline.grading.lexicon import GENERIC, META, OPPOSITE
from agent.offline.grading.target import Entries, split_entries
from agent.offline.grading.text import is_content

NEAR = 4
ZONE = 7
SHORT_REFERENCE = 6
FIGURES_ASKED = 2
MOST_OF_A_WORD = 0.6

_BE = word_list("be")
_MODALS = word_list("modals")
_DO = word_list("do")


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
    all_rows = list(dict.fromkeys(stem for stem, _ in c.target.rows))
    asked = [stem for stem in all_rows if stem in c.target.asked]
    asked_hits = sum(stem in c.places for stem in asked)
    return {
        "recall": _share(total, len(wanted)),
        "recall_all": _share(sum(stem in c.places for stem in all_rows), len(all_rows)),
        "matched": log1p(total),
        "matched_all": log1p(total + asked_hits),
        "cosine": _cosine(c),
        "letters": _letters(c),
    }


def _rarity(c: Comparison) -> dict[str, float]:
    """Coverage with each stem counted by how rare it is, so that words of the course say little."""
    weigh = c.usage.weigh
    matched = {stem: match.likeness * weigh((stem,)) for stem, match in c.matches.items()}
    total, wanted = sum(matched.values()), weigh(c.target.wanted)
    reference = dict.fromkeys(stem for stem, _ in c.target.rows)
    new = [stem for stem in c.places if stem not in reference and stem not in c.target.asked]
    denied_there = dict(c.target.rows)
    clash = sum(matched[s] for s, m in c.matches.items() if c.denied(m.row) != denied_there[s])
    return {
        "rare_recall": _share(total, wanted),
        "rare_matched": log1p(total),
        "rare_best": max(matched.values(), default=0.0),
        "rare_wanted": max((weigh((stem,)) for stem in c.target.wanted), default=0.0),
        "rare_recall_all": _share(weigh(s for s in reference if s in c.places), weigh(reference)),
        "rare_asked": _share(
            weigh(s for s in sorted(c.target.asked) if s in c.places), weigh(sorted(c.target.asked))
        ),
        "rare_new": _share(weigh(new), weigh(c.places)),
        "rare_clash": _share(clash, total),
    }


def _lists(c: Comparison) -> dict[str, float]:
    """What may be lists of keywords: how much of the answer they are, and how much of the match."""
    stems = c.reading.stems
    known = {stem for stem, _ in c.target.rows}
    listed = {at for first, last in c.lists for at in range(first, last)}
    told = {stems[row] for at, row in enumerate(c.rows) if at not in listed}
    inside = {stems[c.rows[at]] for at in listed}

    def hits(first: int, last: int) -> int:
        return sum(stems[row] in known for row in c.rows[first:last])

    first, last = max(c.lists, key=lambda span: hits(*span), default=(0, 0))
    marks = sum(c.reading.listed[row] for row in c.rows[first + 1 : last])
    only = (stem for stem in c.target.wanted if stem in inside and stem not in told)
    return {
        "list_rows": _share(len(listed), len(c.rows)),
        "list_only": _share(c.usage.weigh(only), c.usage.weigh(c.target.wanted)),
        "list_known": _share(len(inside & known), len(inside)),
        "list_longest": log1p(last - first),
        "list_hits": _share(hits(first, last), last - first),
        "list_marks": _share(marks, last - first - 1),
        "list_opens": float(last > 0 and first == 0),
        "list_closes": float(last > 0 and last == len(c.rows)),
        "told_rows": log1p(len(c.rows) - len(listed)),
        "told_recall": _share(
            c.usage.weigh(s for s in c.target.wanted if s in told), c.usage.weigh(c.target.wanted)
        ),
    }


def _cosine(c: Comparison) -> float:
    """The angle between answer and reference as bags of stems, repeated ones counted by their square root."""
    counts: dict[str, int] = {}
    for stem, _ in c.target.rows:
        counts[stem] = counts.get(stem, 0) + 1
    dot = sum(sqrt(n * len(c.places[stem])) for stem, n in counts.items() if stem in c.places)
    return _share(dot, sqrt(sum(counts.values()) * len(c.content)))


def _letters(c: Comparison) -> float:
    """The share of the reference's letter triples that the answer has: catches compounds and misspellings.

    The triples of a word count only as far as they stand in one word, and only if most of them do, so that
    names and other chance likenesses add nothing.
    """
    holders: dict[str, list[str]] = {}
    for stem in c.places:
        if stem not in c.target.asked:
            for triple in _triples(stem):
                holders.setdefault(triple, []).append(stem)
    found = whole = 0
    for stem in c.target.wanted:
        own = _triples(stem)
        shared = Counter(holder for triple in own for holder in holders.get(triple, ()))
        most = max(shared.values(), default=0)
        found += most if most >= MOST_OF_A_WORD * len(own) else 0
        whole += len(own)
    return _share(found, whole)


@lru_cache(maxsize=4096)
def _triples(stem: str) -> frozenset[str]:
    padded = f"^{stem}$"
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


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
        "rows_ratio": log1p(len(c.rows)) - log1p(len(c.target.reference)),
        "asked_cover": _share(len({stems[r] for r in c.content} & asked), len(asked)),
        "generic": _share(len(generic), len(distinct)),
        "meta": _share(len(meta), len(distinct)),
        "talk": c.talk,
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
    found, wanted = (
        _neighbours([r.stems[row] for row in rows])
        for r, rows in ((c.reading, c.rows), (c.target.reference, range(len(c.target.reference))))
    )
    return {
        "neighbours": _share(len(found & wanted), len(wanted)),
        "in_order": _share(_in_order(c, rows), len(rows)),
        "pairs": _share(ordered, len(pairs)),
        "pairs_ordered": _share(ordered, both) if both else 0.5,
        "pairs_near": _share(either, both) if both else 0.5,
        "rising": _share(rising, len(firsts) - 1) if len(firsts) > 1 else 0.5,
    }


def _neighbours(stems: Sequence[str]) -> set[tuple[str, str]]:
    return set(pairwise(stems))


def _in_order(c: Comparison, wanted: Sequence[str]) -> int:
    """The length of the longest common subsequence of content stems (Hunt and Szymanski, 1977)."""
    places: dict[str, list[int]] = {}
    for at in reversed(range(len(wanted))):
        places.setdefault(wanted[at], []).append(at)
    ends: list[int] = []
    for row in c.rows:
        for at in places.get(c.reading.stems[row], ()):
            where = bisect_left(ends, at)
            ends[where : where + 1] = [at]
    return len(ends)


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
    denied = _share(sum(c.reading.denied), len(c.reading))
    touched = [row for row in c.rows if c.reading.denied[row] and is_content(c.reading.forms[row])]
    known = denied_there.keys() | c.target.asked
    forms = c.reading.forms
    before = [forms[row - 1] if row else "" for row in c.rows if forms[row] == "not"]
    return {
        "not_be": min(sum(form in _BE for form in before), 3),
        "not_may": min(sum(form in _MODALS for form in before), 3),
        "not_do": min(sum(form in _DO for form in before), 3),
        "not_share": _not_share(c),
        "not_flow": _not_flow(c),
        "rare_affirmed": _affirmed(c),
        "clash_wanted": _clash_wanted(c),
        "denied_more": denied - _share(sum(c.target.reference.denied), len(c.target.reference)),
        "denied_known": _share(sum(c.reading.stems[row] in known for row in touched), len(touched)),
        "denied_first": _share(
            next((at for at, d in enumerate(c.reading.denied) if d), len(c.reading)), len(c.reading)
        ),
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


def _not_flow(c: Comparison) -> float:
    """How usual the word after a `not` is, at the worst: a `not` put in later fits badly."""
    forms = c.reading.forms
    after = (
        t for (row, _), t in zip(pairwise(c.rows), c.transitions[1:], strict=True) if forms[row] == "not"
    )
    return min(after, default=1.0)


def _affirmed(c: Comparison) -> float:
    """The share of what is wanted that the answer says as the reference does, neither denying it alone."""
    denied_there = dict(c.target.rows)
    agreed = [s for s, m in c.matches.items() if c.denied(m.row) == denied_there[s]]
    return _share(c.usage.weigh(agreed), c.usage.weigh(c.target.wanted))


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
    known = {stem for stem, _ in c.target.rows} | set(c.target.wanted)
    touching: dict[int, set[str]] = {}
    for row in c.content:
        touching.setdefault(c.reading.sentences[row], set()).add(c.reading.stems[row])
    full = [stems for stems in touching.values() if len(stems) > 1]
    in_run = sum(runs[match.row] >= LONG_RUN for match in c.matches.values())
    listed = sum(c.reading.listed[row] for row in c.rows)
    return {
        "flow": _share(sum(t), len(t)),
        "flow_worst": min(windows) if windows else _share(sum(t), len(t)),
        "flow_matched": _share(sum(matched_flow), len(matched_flow)) if matched_flow else 0.5,
        "run_longest": log1p(max(runs, default=0)),
        "run_share": _share(sum(run >= LONG_RUN for run in runs), len(runs)),
        "run_matched": _share(in_run, len(c.matches)),
        "sentences_known": _share(sum(not stems.isdisjoint(known) for stems in full), len(full))
        if full
        else 0.5,
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
