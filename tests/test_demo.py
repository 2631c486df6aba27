"""The demo, run as a user runs it, and what would make it fail."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from running import run_interviewer

from api.client import Config, Evaluation, Interview, Progress, Question, Summary, Turn
from api.demo import RecordingIncomplete, compare, read_recording


def test_the_demo_shows_both_interviews_and_a_clear_winner(tmp_path: Path) -> None:
    done = run_interviewer(tmp_path, "demo", seconds=60)
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        "over REST",
        "over WebSocket",
        "↳ Follow-up to question",
        "Overall score",
        "Recommendations",
    ):
        assert shown in done.stdout
    assert done.stdout.count("Question 6 · ") == 2
    assert "The strong candidate wins by" in done.stdout
    assert "\x1b" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def interview_with(score: int) -> Interview:
    """An interview of one question that ended with this score, from 0 to 100."""
    turn = Turn(Question("q1", "Why?"), "Because.", Evaluation(score // 10, "Well."))
    return Interview(
        interview_id="x",
        created_at=datetime.now(UTC),
        status="completed",
        config=Config("Nurse", "Junior", [], "mixed", 10),
        current_question=None,
        progress=Progress(1, 2, None),
        summary=Summary(score, [], [], "Go on."),
        turns=[turn],
    )


@pytest.mark.parametrize(("strong", "weak", "status"), [(80, 55, 0), (80, 56, 1), (40, 90, 1)])
def test_the_demo_fails_unless_the_strong_candidate_leads_by_25_points(
    strong: int, weak: int, status: int
) -> None:
    console = Console(file=io.StringIO())
    assert compare(console, interview_with(strong), interview_with(weak), 1) == status


def test_a_question_without_a_recorded_answer_is_named() -> None:
    with pytest.raises(
        RecordingIncomplete, match="weak candidate has no recorded answer to: Why is the sky blue"
    ):
        read_recording("weak").answer("Why is the sky blue?")


@pytest.mark.parametrize(("name", "fewest", "most"), [("strong", 25, 150), ("weak", 1, 100)])
def test_recorded_answers_have_the_length_of_speech(name: str, fewest: int, most: int) -> None:
    lengths = {question: len(text.split()) for question, text in read_recording(name).answers.items()}
    assert {q: n for q, n in lengths.items() if not fewest <= n <= most} == {}
