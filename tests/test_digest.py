"""What a prompt carries of the interview stays bounded, and holds what is needed."""

from dataclasses import replace

import pytest
from engines import ANSWER, CONFIG, POINTS, QUESTION, brief_after, make_evaluation, make_turn

from agent.engine import AnswerBrief, QuestionBrief
from agent.interview import InterviewConfig, Question, Rubric, Turn
from agent.openai.digest import (
    describe_last_topic,
    describe_results,
    describe_thread,
    list_other_topics,
    list_points,
    list_same_subject,
    open_gaps,
    probed_gaps,
)
from agent.openai.engine import _question_inputs
from agent.openai.focus import choose_focus
from prompts import load_prompt

FOLLOW_UP = replace(QUESTION, id="q2", kind="follow_up", parent_id="q1", gap=POINTS[2], text="How often?")


def length_after(turns: int, answer: str) -> int:
    """The characters of the prompt for the next question."""
    rendered = load_prompt("generate_question").render(_question_inputs(brief_after(turns, answer), "c0de"))
    return len(rendered.system + rendered.user)


@pytest.mark.parametrize("answer", [ANSWER, "long " * 4_000])
def test_the_prompt_of_turn_30_is_hardly_longer_than_that_of_turn_5(answer: str) -> None:
    assert length_after(30, answer) <= 1.05 * length_after(5, answer)
    assert length_after(47, answer) <= 1.05 * length_after(5, answer)


def test_a_digest_shows_the_latest_questions_on_the_same_subject_and_no_others() -> None:
    lines = list_same_subject(brief_after(10)).splitlines()
    assert len(lines) == 4
    same = {"python": "1357 9", "sql": "2468"}
    number = 10 + 1
    wanted = same["python"] if choose_focus(brief_after(10), number).subject == "Python" else same["sql"]
    assert all(any(f"part {n} " in line for n in wanted.split() for n in n) for line in lines)


def test_a_first_question_has_an_empty_digest() -> None:
    brief = brief_after(0)
    assert list_same_subject(brief) == describe_last_topic(brief, "c0de") == "- nothing yet"
    assert list_other_topics(brief) == "none"


def test_the_last_answer_stands_inside_a_boundary_and_is_cut() -> None:
    text = describe_last_topic(brief_after(3, "word " * 1_000), "c0de")
    assert "[[data c0de]]" in text
    assert text.endswith("[[end c0de]]")
    assert "not graded yet" in text
    assert len(text) < 900


def test_the_grader_of_a_main_question_sees_no_other_answer() -> None:
    brief = AnswerBrief(CONFIG, replace(QUESTION, id="q9"), ANSWER, (make_turn(1), make_turn(2)))
    assert describe_thread(brief, "c0de") == "- nothing yet"


def test_the_grader_of_a_follow_up_sees_its_topic_and_what_is_still_open() -> None:
    brief = AnswerBrief(CONFIG, FOLLOW_UP, "Once.", (Turn(QUESTION, ANSWER, make_evaluation()),))
    text = describe_thread(brief, "c0de")
    assert QUESTION.text in text
    assert ANSWER in text
    assert probed_gaps(brief) == [POINTS[2]]
    assert open_gaps(brief) == [POINTS[3]]
    assert f"Still open in this topic: {POINTS[3]}" in text


def test_a_model_answer_is_shown_where_a_rubric_has_one() -> None:
    assert list_points(Rubric(())) == "- nothing yet"
    assert "for comparison: Lazy evaluation." in list_points(Rubric((), reference="Lazy evaluation."))


def test_a_summary_hears_of_every_graded_topic_and_of_no_other() -> None:
    turns = (make_turn(1), make_turn(2), Turn(replace(QUESTION, id="q3"), ANSWER))
    text = describe_results(turns, "c0de")
    assert "1. Generators in Python (technical), worth 6 of 10" in text
    assert "2. " in text
    assert "3. " not in text


def test_main_questions_come_round_to_every_skill_from_changing_sides() -> None:
    brief = QuestionBrief(CONFIG, 3, 1, 48, "intermediate")
    foci = [choose_focus(brief, number) for number in range(1, 13)]
    assert [focus.subject for focus in foci] == ["Python", "SQL"] * 6
    assert len({(focus.subject, focus.aspect) for focus in foci}) == 12


def test_a_mixed_interview_asks_for_a_different_occasion_each_time() -> None:
    brief = QuestionBrief(InterviewConfig("Nurse"), 5, 1, 36, "beginner")
    foci = [choose_focus(brief, number) for number in range(1, 37)]
    occasions = [focus.aspect for focus in foci if focus.type == "behavioral"]
    assert [focus.type for focus in foci[:4]] == ["technical", "behavioral", "technical", "technical"]
    assert len(set(occasions)) == len(occasions) == 12


def test_a_question_from_elsewhere_does_not_break_a_digest() -> None:
    odd = Question("q1", "", Rubric(()), "")
    brief = QuestionBrief(CONFIG, 1, 2, 5, "beginner", (Turn(odd),))
    assert "(no answer yet)" in describe_last_topic(brief, "c0de")
