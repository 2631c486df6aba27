"""Coaching by STAR, CAR, PAR and SOAR without a model."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.interview import FRAMEWORKS, Coaching
from agent.offline.coaching.asked import asks_for_explanation, asks_for_story
from agent.offline.coaching.coach import coach_answer
from evals.datasets import PartsRow, read_parts, shipped

ASKED = "Tell me about a time you improved something at work."

SCENE = "Last spring our clinic kept patients waiting for two hours on Mondays, and many complained."
DUTY = "I was asked to halve the waiting time before the summer."
ACTION = "I counted arrivals for two weeks, moved one doctor to the morning, and set up text reminders."
RESULT = "Waiting fell from 120 to 35 minutes."


def stories() -> list[PartsRow]:
    """The stories that have every part of their framework."""
    rows = read_parts(shipped("parts"))
    return [row for row in rows if set(row.parts) == set(FRAMEWORKS[row.framework])]


def without(story: PartsRow, part: str) -> str:
    answer = story.answer
    for start, end in reversed(story.parts[part]):
        answer = answer[:start].rstrip(" ") + " " + answer[end:].lstrip(" ")
    return answer.strip()


def levels(question: str, answer: str, framework: str = "STAR") -> dict[str, str]:
    return {part.part: part.level for part in coach_answer(question, answer, framework).parts}


def cut_stories() -> Iterator[tuple[PartsRow, str, dict[str, str]]]:
    for story in stories():
        for part in story.parts:
            yield story, part, levels(story.question, without(story, part), story.framework)


def comment(coaching: Coaching, part: str) -> str:
    return next(feedback.comment for feedback in coaching.parts if feedback.part == part)


def test_there_are_stories_of_many_professions_and_every_framework() -> None:
    told = stories()
    assert sum(story.framework == "STAR" for story in told) >= 80
    assert sum(story.framework != "STAR" for story in told) >= 20
    assert len({story.meta["profession"] for story in told}) >= 60
    assert {story.framework for story in told} == set(FRAMEWORKS)


def test_a_part_whose_sentences_are_deleted_is_not_addressed() -> None:
    gone = [found[part] == "Not addressed" for _, part, found in cut_stories()]
    assert sum(gone) / len(gone) >= 0.90


def test_deleting_one_part_leaves_the_others_addressed() -> None:
    kept = [
        found[other] != "Not addressed"
        for story, part, found in cut_stories()
        for other in story.parts
        if other != part
    ]
    assert sum(kept) / len(kept) >= 0.95


def test_both_hold_for_stories_the_weights_were_not_fitted_on() -> None:
    held = [cut for cut in cut_stories() if cut[0].id.startswith("held-")]
    gone = [found[part] == "Not addressed" for _, part, found in held]
    kept = [
        found[other] != "Not addressed"
        for story, part, found in held
        for other in story.parts
        if other != part
    ]
    assert sum(gone) / len(gone) >= 0.90
    assert sum(kept) / len(kept) >= 0.95


def test_quotes_are_verbatim_and_comments_begin_with_their_level() -> None:
    for story in stories():
        coaching = coach_answer(story.question, story.answer, story.framework)
        assert [part.part for part in coaching.parts] == list(FRAMEWORKS[story.framework])
        for part in coaching.parts:
            assert part.comment.startswith(f"{part.level}. ")
            assert bool(part.evidence) == (part.level != "Not addressed")
            for evidence in part.evidence:
                assert story.answer[evidence.start : evidence.end] == evidence.quote
                assert evidence.shows == part.part


def test_what_a_comment_quotes_stands_in_the_answer() -> None:
    for story in stories():
        for part in coach_answer(story.question, story.answer, story.framework).parts:
            quotes = [piece.split("”")[0] for piece in part.comment.split("“")[1:]]
            assert all(quote in story.answer for quote in quotes)


@pytest.mark.parametrize(
    ("result", "level"),
    [
        (RESULT, "Well addressed"),
        ("This cut the time from 4 minutes to 1 second.", "Well addressed"),
        ("In the end it went well.", "Partially addressed"),
        ("Everybody was happy with it.", "Partially addressed"),
        ("It did not work, and the waiting time stayed at 120 minutes.", "Partially addressed"),
        (
            "It did not work. I learned that staff must be asked first, and I have asked them ever since.",
            "Well addressed",
        ),
    ],
)
def test_a_measured_result_counts_for_more_than_a_vague_one(result: str, level: str) -> None:
    assert levels(ASKED, f"{SCENE} {DUTY} {ACTION} {result}")["result"] == level


@pytest.mark.parametrize(
    ("action", "level"),
    [
        (ACTION, "Well addressed"),
        ("We counted arrivals for two weeks and we moved one doctor.", "Partially addressed"),
        ("I moved one doctor to the morning.", "Partially addressed"),
    ],
)
def test_an_action_counts_in_full_when_it_is_the_speakers_own_and_in_steps(action: str, level: str) -> None:
    assert levels(ASKED, f"{SCENE} {DUTY} {action} {RESULT}")["action"] == level


def test_what_somebody_would_do_is_told_apart_from_what_was_done() -> None:
    answer = "I would first listen to the customer. Then I would apologise and offer a refund."
    coaching = coach_answer("Tell me about a time you calmed an angry customer.", answer, "STAR")
    assert comment(coaching, "action").startswith("Partially addressed. “I would first listen")
    assert levels("Tell me about a time you calmed an angry customer.", answer)["result"] == "Not addressed"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "...",
        "I don't know.",
        "Sorry, I can’t think of anything right now.",
        "A time I improved something at work.",
        "Cats sleep up to sixteen hours a day. A cat has five toes on its front paws.",
        "leadership teamwork stakeholder success deadline impact results synergy",
        "La semaine dernière, mon équipe a livré le projet avant tout le monde.",
        "I am a hard working team player and I love challenges. Communication is key in every company.",
    ],
)
def test_what_is_no_answer_addresses_nothing(answer: str) -> None:
    coaching = coach_answer(ASKED, answer, "STAR")
    assert {part.level for part in coaching.parts} == {"Not addressed"}
    assert coaching.improvements


@pytest.mark.parametrize(
    ("question", "asks_for_a_story"),
    [
        ("Tell me about a time you failed.", True),
        ("Can you tell me about a conflict at work?", True),
        ("What was your biggest mistake?", True),
        ("How did you solve it?", True),
        ("Explain what a project manager does.", False),
        ("How would you handle a conflict between two engineers?", False),
        ("Describe how TCP works.", False),
        ("Design a URL shortener.", False),
    ],
)
def test_a_question_for_a_story_is_told_from_one_for_knowledge(question: str, asks_for_a_story: bool) -> None:
    assert asks_for_story(question) == asks_for_a_story
    assert asks_for_explanation(question) != asks_for_a_story


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_technical_question_is_not_marked_down_for_telling_no_story(framework: str) -> None:
    answer = (
        "A hash map stores pairs of keys and values. A hash function turns the key into an index of an "
        "array, so that a lookup takes constant time on average. Keys that collide go into a list."
    )
    coaching = coach_answer("What is a hash map?", answer, framework)
    assert "rather than for a story" in coaching.overall
    assert "Not addressed" not in {part.level for part in coaching.parts}
    assert "Well addressed" in {part.level for part in coaching.parts}


def test_an_answer_beside_a_technical_question_addresses_nothing() -> None:
    answer = "Pizza is my favourite food. I like it with mushrooms and extra cheese."
    assert set(levels("What is a hash map?", answer).values()) == {"Not addressed"}


def test_parts_are_found_under_headings_in_any_order() -> None:
    answer = f"**Result:** {RESULT}\n- Situation: {SCENE}\n- Task: n/a\n- Action: {ACTION}"
    found = levels(ASKED, answer)
    assert found == {
        "situation": "Well addressed",
        "task": "Not addressed",
        "action": "Well addressed",
        "result": "Well addressed",
    }


def test_parts_are_found_in_speech_without_stops() -> None:
    answer = (
        "so last year i was working at a small bank and the payment job kept crashing every night and my "
        "boss told me to fix it before the audit so i read the logs and i found a memory leak and then i "
        "rewrote the parser and in the end the crashes went from five a week to zero"
    )
    assert "Not addressed" not in levels("Tell me about a bug you fixed.", answer).values()


def test_different_answers_get_different_advice() -> None:
    one = coach_answer(ASKED, f"{SCENE} {ACTION}", "STAR")
    other = coach_answer(ASKED, f"{DUTY} {RESULT}", "STAR")
    assert one.overall != other.overall
    assert not set(one.improvements) & set(other.improvements)


def test_an_unknown_framework_is_refused() -> None:
    with pytest.raises(KeyError):
        coach_answer(ASKED, SCENE, "STARFISH")


@settings(max_examples=150, deadline=None)
@given(
    question=st.text(max_size=80), answer=st.text(max_size=400), framework=st.sampled_from(list(FRAMEWORKS))
)
def test_no_text_makes_it_fail_and_the_same_text_gets_the_same_words(
    question: str, answer: str, framework: str
) -> None:
    coaching = coach_answer(question, answer, framework)
    assert coaching == coach_answer(question, answer, framework)
    spans = [evidence for part in coaching.parts for evidence in part.evidence]
    assert all(answer[span.start : span.end] == span.quote for span in spans)


@pytest.mark.parametrize(
    "piece", [f"{SCENE} {DUTY} {ACTION} {RESULT} ", "and i ", "a, and i saw, ", "x", "a: "]
)
def test_twenty_thousand_characters_take_well_under_a_second(piece: str) -> None:
    coach_answer(ASKED, ACTION, "STAR")
    began = time.process_time()
    coach_answer(ASKED, (piece * 20_000)[:20_000], "STAR")
    assert time.process_time() - began < 1
