"""`interviewer eval grade`: recorded answers in, grades out, by the interview's own engine."""

import io
import json
import subprocess
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from engines import reply, settings_for
from evaluating import command
from provider import Provider, serving
from provider_wire import Json
from serving import clean_environment

from agent.openai.engine import OpenAIEngine
from evals.cli import open_whole
from evals.grade import grade_lines

GOOD: dict[str, Any] = {
    "id": "a",
    "question": "What is a pointer?",
    "answer": "A variable that holds the memory address of another variable.",
    "reference_answer": "A variable that contains the address in memory of another variable.",
}
POINTS: dict[str, Any] = {
    "id": "b",
    "question": "Why use an index?",
    "answer": "An index speeds up reads, since no table is scanned. It slows down writes too.",
    "key_points": ["An index speeds up reads", "An index slows down writes"],
    "human_score": 0.9,
    "dataset": "mine",
}


def grade(folder: Path, *rows: object) -> list[dict[str, Any]]:
    """The results for these rows; a text is a line as it stands."""
    answers, out = folder / "answers.jsonl", folder / "grades.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    answers.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    done = run_grade(answers, "--out", out)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["answers.jsonl", "grades.jsonl"]
    return [json.loads(line) for line in out.read_text().splitlines()]


def run_grade(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    """The finished command, without a provider to ask."""
    with TemporaryDirectory() as folder:  # where replies are kept
        return subprocess.run(
            command("grade", *arguments),
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )


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
        '{"id": "\\ud800", "question": "Why?", "answer": 5}',
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
    late = POINTS | {"answer": "Well. " * 18_000 + POINTS["answer"]}
    assert grade(tmp_path, late)[0]["evidence"]


@pytest.mark.parametrize(
    ("answers", "model", "word"),
    [
        ("answers.jsonl", "parrot", "'parrot'"),
        ("answers.jsonl", "openai:gpt-5-mini", "OPENAI_API_KEY"),
        ("missing.jsonl", "offline", "missing.jsonl"),
        (".", "offline", "directory"),
    ],
    ids=["unknown model", "model without a key", "missing input", "folder"],
)
def test_a_start_that_fails_is_told_in_a_sentence_and_leaves_the_grades_alone(
    tmp_path: Path, answers: str, model: str, word: str
) -> None:
    (tmp_path / "answers.jsonl").write_text(json.dumps(GOOD))
    out = tmp_path / "grades.jsonl"
    out.write_text("kept")
    expect_sentence(run_grade(tmp_path / answers, "--out", out, "--model", model), word)
    assert out.read_text() == "kept"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["answers.jsonl", "../again/answers.jsonl", "link.jsonl"])
def test_grades_never_go_over_the_answers(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "again"
    folder.mkdir()
    answers = folder / "answers.jsonl"
    answers.write_text(json.dumps(GOOD))
    (folder / "link.jsonl").symlink_to(answers)
    expect_sentence(run_grade(answers, "--out", folder / name), "--out")
    assert json.loads(answers.read_text()) == GOOD


def test_grades_take_their_place_once_all_of_them_are_there(tmp_path: Path) -> None:
    out = tmp_path / "grades.jsonl"
    out.write_text("kept")
    with suppress(KeyboardInterrupt), open_whole(out) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert out.read_text() == "kept"
    with open_whole(out) as file:
        file.write("whole")
        file.flush()
        assert out.read_text() == "kept"
    assert out.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [out]


def test_grades_can_go_to_a_pipe(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text(json.dumps(GOOD))
    done = run_grade(answers, "--out", "/dev/stdout")
    assert json.loads(done.stdout)["id"] == "a", done.stderr


def test_the_connections_of_the_engine_end_with_the_grading() -> None:
    with serving(Provider(replies={"answer_evaluation": reply()})) as provider:
        engine = OpenAIEngine("test", settings_for(provider.url))
        (result,) = grade_lines(io.StringIO(json.dumps(POINTS)), engine)
    assert result["provenance"]["engine"] == "openai:test"
    assert engine._client._http.is_closed


def test_a_grading_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    rows = [
        POINTS | {"id": str(number), "answer": f"An index speeds up reads {number}."} for number in range(8)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    order = command("grade", "answers.jsonl", "--out", "grades.jsonl", "--model", "openai:test")
    over, numbers = Event(), count(1)

    def grade_four(_: Json) -> Json:
        if next(numbers) > 4:
            over.wait(120)
        return reply()

    with serving(Provider(replies={"answer_evaluation": grade_four})) as provider:
        settings = clean_environment() | {"OPENAI_BASE_URL": provider.url}
        process = subprocess.Popen(order, cwd=tmp_path, env=settings, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 180
        while len(provider.requests) < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait(10)
        over.set()
        assert len(provider.requests) == 5
        assert not (tmp_path / "grades.jsonl").exists()
        done = subprocess.run(order, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(provider.requests) == 9  # the one that was under way is asked again
    grades = [json.loads(line) for line in (tmp_path / "grades.jsonl").read_text().splitlines()]
    assert [grade["id"] for grade in grades] == [row["id"] for row in rows]
    assert all(grade["score"] is not None for grade in grades)


def expect_sentence(done: subprocess.CompletedProcess[str], word: str) -> None:
    """The command failed with one sentence that holds this word, and no traceback."""
    assert done.returncode == 1, done
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("interviewer: ")
    assert word in sentence
