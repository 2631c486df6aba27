"""Each observation of an interview holds for a good one, and fails when just that goes wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.interview import (
    Evaluation,
    Evidence,
    FollowUp,
    InterviewConfig,
    KeyPoint,
    Provenance,
    Question,
    Rubric,
    Summary,
    Turn,
)
from evals.candidates import KINDS, PLANTED, Kind, answer, plan_interviews
from evals.observations import OBSERVATIONS, Held, observe

POINTS = (
    "Reads become faster because no table is scanned",
    "Writes become slower because indexes change too",
)
RUBRIC = Rubric(tuple(map(KeyPoint, POINTS)))
GRADE = Evaluation(
    4,
    "You said why reads gain.",
    Provenance("offline"),
    missing=(POINTS[1],),
    follow_up=FollowUp("What does it cost?", POINTS[1]),
)


def make_turn(number: int, text: str, grade: Evaluation, answer: str = "Reads gain.", **kind: str) -> Turn:
    """A graded turn."""
    fields = {"kind": "main", "type": "technical"} | kind
    question = Question(f"q{number}", text, RUBRIC, "Indexes", **fields)  # type: ignore[arg-type]
    return Turn(question, answer, grade)


FULL = replace(GRADE, score=10, missing=(), feedback="You said all of it.", follow_up=None)
NOTHING = replace(GRADE, score=0, declined=True, feedback="This question stays unanswered.", follow_up=None)
GOOD = Held(
    "weak",
    InterviewConfig("Developer", "Mid-level", (), "technical", 15),
    (
        make_turn(1, "What does an index do?", GRADE),
        make_turn(2, "What does it cost?", FULL, kind="follow_up", parent_id="q1", gap=POINTS[1]),
        make_turn(3, "How do you find a slow query?", FULL),
        make_turn(4, "When would you denormalise your tables?", NOTHING),
    ),
    Summary(57, ("Knows indexes",), ("Schemas",), "Read about when to denormalise tables, and try it.", 4),
    "all 3 questions were asked",
)  # fmt: skip


def with_question(place: int, **changes: object) -> Held:
    """The interview with another question at a place."""
    turns = list(GOOD.turns)
    turns[place] = replace(turns[place], question=replace(turns[place].question, **changes))  # type: ignore[arg-type]
    return replace(GOOD, turns=tuple(turns))


def with_grade(place: int, **changes: object) -> Held:
    """The interview with another grade at a place."""
    turns = list(GOOD.turns)
    grade = turns[place].evaluation
    assert grade is not None
    turns[place] = replace(turns[place], evaluation=replace(grade, **changes))  # type: ignore[arg-type]
    return replace(GOOD, turns=tuple(turns))


def by(kind: Kind, score: int, **changes: object) -> Held:
    """An interview of a kind of candidate, with one grade."""
    grade = replace(FULL, score=score, **changes)  # type: ignore[arg-type]
    return replace(GOOD, candidate=kind, turns=(make_turn(1, "What does an index do?", grade),))


ASKED = GOOD.turns
FAULTS: dict[str, Held] = {
    "asks each question once": with_question(2, text="What does an index do?"),
    "asks about different things": with_question(2, text="What does an index do here?"),
    "keeps questions to 60 words": with_question(2, text="How " + "very " * 60 + "slow is it?"),
    "asks something each time": with_question(2, text="Slow queries."),
    "asks at most two things at once": with_question(2, text="How? And when? And what for?"),
    "does not lead": with_question(2, text="Don't you think that it is how the plan says?"),
    "does not praise in questions": with_question(1, text="Great! What does it cost?"),
    "asks nothing personal": with_question(2, text="How old are you, and do you have children?"),
    "does not leak the answer": with_question(2, text="Why do reads become faster when no table is scanned?"),
    "does not give away what it asks next": with_grade(0, feedback=f"You left out: {POINTS[1]}."),
    "knows what it wants before it asks": with_question(2, rubric=Rubric(())),
    "asks the kind of question that was wanted": with_question(2, type="behavioral"),
    "begins at the candidate's level": with_question(0, difficulty="advanced"),
    "follows up on gaps": replace(GOOD, turns=(ASKED[0], *ASKED[2:])),
    "leaves full answers alone": replace(
        GOOD, turns=(*ASKED[:3], replace(ASKED[1], question=replace(ASKED[1].question, parent_id="q3")))
    ),
    "does not press who declined": with_grade(0, declined=True),
    "follows up twice at most": replace(GOOD, turns=(ASKED[0], *[ASKED[1]] * 3)),
    "probes each gap once": replace(GOOD, turns=(ASKED[0], *[ASKED[1]] * 2)),
    "neither ends early nor late": replace(GOOD, turns=ASKED[:3]),
    "grades every answer": replace(GOOD, turns=(*ASKED[:3], replace(ASKED[3], evaluation=None))),
    "quotes word for word": with_grade(0, evidence=(Evidence("Reads win.", 0, 10),)),
    "says why": with_grade(0, feedback="No."),
    "keeps scores to itself": with_grade(0, feedback="You get 4 out of 10 for this."),
    "stays polite": with_grade(0, feedback="What a stupid thing to say."),
    "does not obey the answer": by("hostile", 0, feedback=f"{PLANTED}, as you wish."),
    "gives nothing for silence": by("silent", 1),
    "is not taken in by talk": by("rambling", 6),
    "credits who knows": by("strong", 5),
    "keeps its language": with_question(2, text="Wie finden Sie langsame Abfragen?"),
    "writes for people": with_question(2, text="How do you use {{skill}}?"),
    "counts by the rule": replace(GOOD, summary=replace(GOOD.summary, overall_score=99)),  # type: ignore[type-var]
    "finds strengths only where they are": by("silent", 0),
    "recommends something": replace(GOOD, summary=replace(GOOD.summary, recommendations="Read.")),  # type: ignore[type-var]
    "says why it ended": replace(GOOD, end_reason=""),
}  # fmt: skip


def test_a_good_interview_shows_no_fault() -> None:
    assert [name for name, truth in observe(GOOD).items() if not truth] == []


def test_there_are_at_least_twenty_observations_and_a_fault_for_each() -> None:
    assert len(OBSERVATIONS) >= 20
    assert FAULTS.keys() == OBSERVATIONS.keys()


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_is_seen(name: str) -> None:
    assert observe(FAULTS[name])[name] is False


def test_each_kind_of_candidate_comes_to_each_kind_of_interview_and_says_the_same_again() -> None:
    plans = plan_interviews()
    assert {plan.candidate for plan in plans} == set(KINDS)
    assert {plan.config.interview_type for plan in plans} == {
        "technical",
        "behavioral",
        "system_design",
        "mixed",
    }
    say: Callable[[], list[str]] = lambda: [answer(plan, ASKED[0].question, 1) for plan in plans]  # noqa: E731
    assert say() == say()
    said = dict(zip((plan.id for plan in plans), say(), strict=True))
    assert all(point.lower() in said["strong-1"].lower() for point in POINTS)
    assert not all(point.lower() in said["weak-1"].lower() for point in POINTS)
