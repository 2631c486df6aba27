"""`interviewer eval grade`: recorded answers in, grades out, by the interview's own engine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GOOD = {
    "id": "a",
    "question": "What is a pointer?",
    "answer": "A variable that holds the memory address of another variable.",
    "reference_answer": "A variable that contains the address in memory of another variable.",
}
POINTS = {
    "id": "b",
    "question": "Why use an index?",
    "answer": "It makes reads faster, but every write has to update it too.",
    "key_points": ["An index speeds up reads", "An index slows down writes"],
    "human_score": 0.9,
    "dataset": "mine",
}


def grade(folder: Path, *rows: object) -> list[dict[str, Any]]:
    """The results for these rows; a text is a line as it stands."""
    answers, out = folder / "answers.jsonl", folder / "grades.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    answers.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    command = [Path(sys.executable).with_name("interviewer"), "eval", "grade", answers, "--out", out]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_answers_are_graded_in_order_by_reference_or_by_key_points(tmp_path: Path) -> None:
    by_reference, by_points = grade(tmp_path, GOOD, POINTS)
    assert [by_reference["id"], by_points["id"]] == ["a", "b"]
    assert by_reference["score"] >= 7
    assert by_points["score"] >= 7
    assert set(by_points) == {"id", "score", "feedback", "evidence", "missing", "provenance"}
    assert by_points["provenance"]["engine"] == "offline"


def test_every_quote_is_verbatim(tmp_path: Path) -> None:
    for row, result in zip((GOOD, POINTS), grade(tmp_path, GOOD, POINTS), strict=True):
        for quote in result["evidence"]:
            assert str(row["answer"])[quote["start"] : quote["end"]] == quote["quote"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "7",
        '{"id": "c"}',
        '{"id": "c", "question": "Why?", "answer": "x"}',
        '{"id": 5}',
        "[" * 99_999,
    ],
)
def test_a_line_that_cannot_be_graded_says_why_and_stops_nothing(tmp_path: Path, line: str) -> None:
    bad, good = grade(tmp_path, line, GOOD)
    assert bad["score"] is None
    assert bad["error"].startswith("line 1: ")
    assert good["score"] is not None


def test_the_same_input_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    forward = {row["id"]: row for row in grade(tmp_path, GOOD, POINTS)}
    backward = {row["id"]: row for row in grade(tmp_path, POINTS, GOOD)}
    assert forward == backward


def test_an_answer_of_any_length_is_graded_whole(tmp_path: Path) -> None:
    late = POINTS | {"answer": "Well. " * 18_000 + POINTS["answer"]}  # type: ignore[operator]
    assert grade(tmp_path, late)[0]["evidence"]
