"""The interview's rules, each a promise of the contract or of its decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.interview import (
    Evaluation,
    FollowUp,
    KeyPoint,
    Provenance,
    Question,
    QuestionDraft,
    Rubric,
    SummaryText,
    Turn,
    answer_id,
    choose_route,
    next_difficulty,
    overall_score,
    place_follow_up,
    place_question,
    question_budget,
    starting_difficulty,
    summarise,
    time_is_up,
    topic_score,
    topics_of,
)

RUBRIC = Rubric((KeyPoint("Indexes speed up reads"), KeyPoint("Indexes slow down writes")))


def question(number: int, parent: int | None = None, gap: str | None = None) -> Question:
    """A question by its number; with a parent, a follow-up."""
    main = Question(f"q{number}", f"Text {number}?", RUBRIC, "Databases", gap=gap)
    return main if parent is None else replace(main, kind="follow_up", parent_id=f"q{parent}")


def graded(
    number: int, score: int, parent: int | None = None, gap: str | None = None, asks: str | None = None
) -> Turn:
    """A graded turn; `asks` is the gap its evaluation would follow up."""
    follow_up = FollowUp(f"What about: {asks}?", asks) if asks else None
    evaluation = Evaluation(score, "Feedback.", Provenance("offline"), follow_up=follow_up)
    return Turn(question(number, parent, gap), "An answer.", evaluation)


@pytest.mark.parametrize(("minutes", "questions"), [(1, 2), (10, 2), (30, 6), (60, 12), (240, 48)])
def test_about_one_question_fits_into_five_minutes(minutes: int, questions: int) -> None:
    assert question_budget(minutes) == questions


@pytest.mark.parametrize(
    ("level", "difficulty"),
    [
        ("Junior", "beginner"),
        ("Internship", "beginner"),
        ("Mid-level", "intermediate"),
        ("Senior", "advanced"),
        ("Staff engineer", "advanced"),
        ("misleading", "intermediate"),
    ],
)
def test_difficulty_starts_where_the_experience_level_says(level: str, difficulty: str) -> None:
    assert starting_difficulty(level) == difficulty


def test_difficulty_rises_after_a_strong_topic_and_falls_after_a_weak_one() -> None:
    assert next_difficulty("Mid-level", [graded(1, 9)]) == "advanced"
    assert next_difficulty("Mid-level", [graded(1, 2)]) == "beginner"
    assert next_difficulty("Mid-level", [graded(1, 9), graded(2, 2)]) == "intermediate"
    assert next_difficulty("Senior", [graded(1, 10)]) == "advanced"


def test_the_overall_score_is_ten_times_the_mean_over_topics_rounded_half_up() -> None:
    assert overall_score([graded(1, 8), graded(2, 5)]) == 65
    assert overall_score([graded(1, 7), graded(2, 7), graded(3, 6)]) == 67
    assert overall_score([]) == 0


def test_an_unanswered_question_is_not_part_of_the_average() -> None:
    assert overall_score([graded(1, 8), Turn(question(2))]) == 80


@pytest.mark.parametrize(
    ("main", "follow_ups", "worth"),
    [(4, [10], 7), (4, [8], 6), (2, [10, 10], 5), (8, [0], 6), (6, [6], 6), (5, [], 5)],
)
def test_follow_ups_move_a_topic_by_at_most_three_points(
    main: int, follow_ups: list[int], worth: float
) -> None:
    turns = [graded(1, main)] + [graded(2 + i, score, parent=1) for i, score in enumerate(follow_ups)]
    assert topic_score(topics_of(turns)[0]) == worth


def test_a_gap_earns_a_follow_up() -> None:
    route = choose_route([graded(1, 4, asks="Indexes slow down writes")], 6, time_is_up=False)
    assert route.step == "ask_follow_up"
    assert "Indexes slow down writes" in route.reason


def test_the_same_gap_is_never_probed_twice() -> None:
    turns = [graded(1, 4, asks="Locks"), graded(2, 4, parent=1, gap="locks ", asks="LOCKS")]
    assert choose_route(turns, 6, time_is_up=False).step == "generate_question"


def test_a_topic_has_at_most_two_follow_ups() -> None:
    turns = [
        graded(1, 4, asks="A"),
        graded(2, 4, parent=1, gap="A", asks="B"),
        graded(3, 4, parent=1, gap="B", asks="C"),
    ]
    assert choose_route(turns, 6, time_is_up=False).step == "generate_question"


def test_a_declined_answer_closes_the_topic() -> None:
    evaluation = Evaluation(0, "Fair.", Provenance("offline"), declined=True, follow_up=FollowUp("Why?", "A"))
    route = choose_route([Turn(question(1), "I don't know", evaluation)], 6, time_is_up=False)
    assert (route.step, "declined" in route.reason) == ("generate_question", True)


def test_the_interview_ends_when_its_questions_are_used_up_or_its_time_is() -> None:
    turns = [graded(1, 8), graded(2, 8)]
    assert choose_route(turns, 2, time_is_up=False).step == "summarise_interview"
    assert choose_route(turns, 3, time_is_up=False).step == "generate_question"
    assert choose_route([graded(1, 4, asks="A")], 6, time_is_up=True).step == "summarise_interview"


def test_time_runs_from_the_first_question() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert not time_is_up(None, 30, start)
    assert not time_is_up(start, 30, start + timedelta(minutes=29))
    assert time_is_up(start, 30, start + timedelta(minutes=30))


def test_ids_count_up_and_a_follow_up_names_its_main_question() -> None:
    turns = [graded(1, 4, asks="Indexes slow down writes")]
    main = place_question(QuestionDraft("Next?", RUBRIC, "Databases"), turns)
    follow_up = place_follow_up(FollowUp("And writes?", "indexes slow down writes"), turns)
    assert (main.id, main.kind, main.parent_id) == ("q2", "main", None)
    assert (follow_up.id, follow_up.kind, follow_up.parent_id) == ("q2", "follow_up", "q1")
    assert answer_id("q12") == "a12"


def test_a_follow_up_is_held_against_the_point_it_probes() -> None:
    follow_up = place_follow_up(FollowUp("And writes?", "Indexes slow down writes"), [graded(1, 4)])
    assert [point.point for point in follow_up.rubric.key_points] == ["Indexes slow down writes"]


def test_a_summary_lists_answers_that_never_got_a_grade() -> None:
    turns = [graded(1, 8), Turn(question(2), "An answer.")]
    summary = summarise(turns, SummaryText((), (), "Practise."))
    assert (summary.overall_score, summary.answered, summary.ungraded) == (80, 2, ("q2",))
