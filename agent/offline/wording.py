"""The words of the offline engine's feedback. Every sentence rests on something that was graded."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

from agent.interview import Evidence, FollowUp, Question
from agent.offline.grading.scoring import COVERED, Grade
from agent.offline.grading.text import content_stems

LONGEST_QUOTE = 14  # words
STRONG, MIDDLING = 8, 5
WORDS_A_MINUTE = 140
LONGEST_SPEECH = 4  # minutes

_THE_CANDIDATE = re.compile(
    r"\b(?P<the>the) candidate\b(?:'s|(?P<verb> \w+)(?P<their> their)?)?", re.IGNORECASE
)
_YOU_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}


def pick(options: Sequence[str], key: str) -> str:
    """One of the options, always the same for the same key."""
    return options[int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big") % len(options)]


def shorten(quote: str) -> str:
    """The beginning of a quote in quotation marks, on one line and without the final full stop."""
    words = quote.split()
    cut = " ".join(words[:LONGEST_QUOTE])
    return f'"{cut} ..."' if len(words) > LONGEST_QUOTE else f'"{cut.rstrip(".,;:")}"'


def point_sentence(point: str) -> str:
    """A key point as a sentence of its own that speaks to the candidate."""
    addressed = _THE_CANDIDATE.sub(_as_you, point)
    return addressed if addressed.endswith((".", "?", "!")) else f"{addressed}."


def _as_you(match: re.Match[str]) -> str:
    you = "you" if match["the"].islower() else "You"
    if match["verb"] is None:
        return f"{you}r" if match[0].endswith("'s") else you
    verb = match["verb"].strip()
    plain = verb[:-1] if re.search(r"[^su]s$", verb) else verb
    return f"{you} {_YOU_VERBS.get(verb, plain)}" + (" your" if match["their"] else "")


def named_points(missing: Sequence[str], follow_up: FollowUp | None) -> tuple[str, ...]:
    """The missing points that the feedback spells out.

    A point that is about to be probed stays unsaid, and so does the one that may be probed after it, or the
    feedback would hand the candidate the answer.
    """
    if follow_up is None:
        return tuple(missing[:2])
    others = [point for point in missing if point != follow_up.gap]
    return tuple(others[1:3] or others)


def write_feedback(
    question: Question, answer: str, grade: Grade, score: int, follow_up: FollowUp | None
) -> str:
    """What was covered, with the candidate's words; what is missing; and one thing to do next."""
    key = f"{question.id} {question.text}"
    missing = [finding.point for finding in grade.points if finding.coverage < COVERED]
    if grade.declined:
        sentences = _declined(question, missing, key)
    elif question.kind == "follow_up":
        sentences = _on_follow_up(grade, missing, key)
    else:
        told = named_points(missing, follow_up)
        step = _next_step(question, answer, score, told, key)
        sentences = [
            _opening(grade, missing, score, key),
            _credit(grade, key),
            _gaps(missing, told, key),
            step,
        ]
    return " ".join(sentence for sentence in sentences if sentence)


def best_evidence(evidence: Iterable[Evidence]) -> Evidence | None:
    """The quote that speaks for its point most plainly: the one that shares most of the point's words."""
    pieces = list(evidence)
    said = {
        quote: content_stems(quote) for quote in {piece.quote for piece in pieces}
    }  # several points share one
    return max(pieces, key=lambda piece: _plainness(said[piece.quote], piece.shows), default=None)


@lru_cache(maxsize=4096)
def _stems_of_point(point: str) -> frozenset[str]:
    return frozenset(content_stems(point))


def _plainness(said: Iterable[str], point: str) -> float:
    wanted = _stems_of_point(point)
    return len(wanted.intersection(said)) / max(len(wanted), 1)


def _declined(question: Question, missing: Sequence[str], key: str) -> list[str]:
    openings = (
        "You passed on this question, so there is nothing to grade.",
        "Saying openly that you do not know is fair; it earns no points here.",
        "This question stays unanswered, so it earns no points.",
    )
    return [
        pick(openings, key),
        *(f"A full answer would begin with this: {point_sentence(point)}" for point in missing[:1]),
        f'Next step: think of an occasion that belongs under "{question.competency}", and prepare to tell it.'
        if question.type == "behavioral"
        else f'Next step: read up on "{question.competency}" until you can explain that in your own words.',
    ]


def _on_follow_up(grade: Grade, missing: Sequence[str], key: str) -> list[str]:
    if missing:
        openings = (
            "This does not close the gap yet.",
            "The point that was asked about is still open.",
            "What the question was after is not in this answer.",
        )
        step = "Next step: put that into one plain sentence of your own, and add why it matters."
        return [pick(openings, key), f"Expected was: {point_sentence(missing[0])}", step]
    openings = (
        "That closes the gap.",
        "Now the missing part is there.",
        "This adds what the first answer left out.",
    )
    return [pick(openings, key), _credit(grade, key), "Next step: bring this in unasked the next time."]


def _opening(grade: Grade, missing: Sequence[str], score: int, key: str) -> str:
    total, covered = len(grade.points), len(grade.points) - len(missing)
    if not total:
        return "The answer was graded as a whole, since this question has no list of points."
    if total == 1:
        return "The point is made." if covered else "The point cannot be made out here yet."
    if not covered:
        options = (
            f"None of the {total} points of a full answer can be made out here.",
            f"Of the {total} points that a full answer makes, none comes through in this one.",
            f"What a full answer says in {total} points is not to be found here yet.",
        )
    elif not missing and score < STRONG:
        options = (
            f"All {total} points come up, some of them only in passing.",
            f"Each of the {total} points is touched, though not all of them clearly.",
            f"You touch all {total} points of a full answer, some of them briefly.",
        )
    elif not missing:
        options = (
            f"A complete answer: all {total} points are there.",
            f"Nothing that a full answer needs is missing; all {total} points are made.",
            f"You make every one of the {total} points.",
        )
    else:
        options = (
            f"You make {covered} of the {total} points of a full answer.",
            f"Points made: {covered} of {total}.",
            f"Out of the {total} points that a full answer makes, this one has {covered}.",
        )
    return pick(options, key)


def _credit(grade: Grade, key: str) -> str:
    best = best_evidence(f.evidence for f in grade.points if f.evidence and f.coverage >= COVERED)
    if best is None:
        return ""
    quote, point = shorten(best.quote), point_sentence(best.shows)
    options = (
        f"Your words {quote} cover this one: {point}",
        f"Clearly made, with {quote}: {point}",
        f"When you say {quote}, you bring in this point: {point}",
    )
    return pick(options, key + "credit")


def _gaps(missing: Sequence[str], told: Sequence[str], key: str) -> str:
    if not missing:
        return ""
    if not told:
        return pick(("One point is still open.", "One thing that a full answer needs is not said yet."), key)
    lead = pick(("Missing:", "What the answer leaves out:", "Not said:"), key + "gaps")
    rest = len(missing) - len(told)
    sentences = [
        f"{lead} {point_sentence(told[0])}",
        *(f"Also: {point_sentence(point)}" for point in told[1:]),
    ]
    if rest:
        sentences.append("One more point is open." if rest == 1 else f"{rest} more points are open.")
    return " ".join(sentences)


def _next_step(question: Question, answer: str, score: int, told: Sequence[str], key: str) -> str:
    if score < STRONG and question.type == "behavioral":
        options: tuple[str, ...] = (
            "tell one occasion from start to end: where it was, what you yourself did, and what came of it.",
            'stay with a single event, say "I" rather than "we" for your part, and close with the result.',
            "name the time and place, then your own steps one by one, then how you know that it worked.",
        )
    elif score < MIDDLING:
        options = (
            "say what happens, in which order, and why, and leave out what holds for any topic.",
            "take one real case from your work and explain it step by step, naming the things involved.",
            "start with a one-sentence answer to what was asked, then give the reason and an example.",
        )
    elif told:
        options = (
            "work that in with one sentence on what it means in practice.",
            "add it together with an example from your own work.",
            "say that too, and why it matters, before you come to the end.",
        )
    else:
        options = (_polish(question, answer),)
    return f"Next step: {pick(options, key + 'next')}"


def _polish(question: Question, answer: str) -> str:
    """What would still improve a good answer: its length, or what it lacks on the surface."""
    lower = answer.lower()
    if len(answer.split()) > LONGEST_SPEECH * WORDS_A_MINUTE:
        return f"say the same in half the words; it takes over {LONGEST_SPEECH} minutes to speak."
    if question.type == "behavioral" and not re.search(r"\d", answer):
        return "put a figure on the result, such as time, money or people."
    if not re.search(r"\b(for example|for instance|such as|when i|we had|i had|in my)\b", lower):
        return "back it with one example from your own work."
    if not re.search(r"\b(but|however|trade-?offs?|downside|costs?|unless|drawback)\b", lower):
        return "add where this reaches its limits, or what it costs."
    return "practice saying it in under two minutes; the content is there."
