"""`interviewer eval export`: completed interviews of a running service, as a dataset."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running import run_interviewer
from serving import KEY, Server, create_interview, read_interview, submit

from agent.settings import SettingsError
from evals.datasets import read_answers, read_interviews
from evals.export import Archive, Selection, parse_instant
from graphs import records

ABOUT_ANN = (
    "Hi, I'm Ann Lee. Mail ann@example.org, ring +44 20 7946 0000 or see https://ann.example/cv. "
    "I check the wristband, and my colleague Bob checks it too, as Ann told him."
)
MASKED = (
    "Hi, I'm [name 1]. Mail [mail 1], ring [phone 1] or see [link 1]. "
    "I check the wristband, and my colleague [name 2] checks it too, as [name 1] told him."
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with a completed, an ended, an open and an unanswered interview, of one day each."""
    settings = {"INTERVIEWER_API_KEYS": KEY, "INTERVIEWER_RATE_LIMIT": "100000/minute"}
    running = Server(tmp_path_factory.mktemp("service"), settings).start()
    with running.client() as client:
        nurse = create_interview(client, job_role="Head Nurse", skills=[], interview_type="mixed", duration=5)
        while (state := read_interview(client, nurse))["status"] == "in_progress":
            assert submit(client, nurse, state["current_question"]["id"], ABOUT_ANN).status_code == 200
        backend = create_interview(client, job_role="Senior Backend-Engineer at Ann Lee's")
        assert submit(client, backend, "q1", ABOUT_ANN).status_code == 200
        assert client.post(f"/interviews/{backend}/end").status_code == 200
        open_one = create_interview(client, job_role="Nurse")
        assert submit(client, open_one, "q1", "I don't know.").status_code == 200
        silent = create_interview(client, job_role="Nurse")
        assert client.post(f"/interviews/{silent}/end").status_code == 200
    with closing(sqlite3.connect(running.folder / "data" / "interviewer.db")) as database, database:
        for day, interview_id in ((3, nurse), (2, backend), (1, open_one), (4, silent)):
            instant = f"2026-01-{day:02}T12:00:00.000000+00:00"
            database.execute("UPDATE interviews SET created_at = ? WHERE id = ?", (instant, interview_id))
    yield running
    running.kill()


def export(service: Server, *arguments: str) -> list[dict[str, Any]]:
    """The rows that the command writes beside the running server."""
    done = run_interviewer(service.folder, "eval", "export", *arguments)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert " interviews exported" in done.stderr
    return rows


def test_completed_interviews_are_written_the_oldest_first_as_a_dataset(service: Server) -> None:
    backend, nurse = export(service)
    assert nurse["config"]["job_role"] == "Head Nurse"
    assert backend["meta"]["ended_because"] == "the client ended the interview"
    path = service.folder / "interviews.jsonl"
    export(service, "--out", str(path))
    rows = read_interviews(path)
    assert [row.id for row in rows] == [backend["id"], nurse["id"]]
    with service.client() as client:
        for row in rows:
            told = read_interview(client, row.id)
            assert row.meta["overall_score"] == told["summary"]["overall_score"]
            turns = told["turns"]
            assert [turn.question for turn in row.turns] == [turn["question"]["text"] for turn in turns]
            assert [turn.kind for turn in row.turns] == [turn["question"]["kind"] for turn in turns]
            assert [turn.answer for turn in row.turns] == [turn["answer"] for turn in turns]
            scores = [turn["evaluation"] and turn["evaluation"]["score"] for turn in turns]
            assert [turn.score for turn in row.turns] == scores


def test_nothing_tells_whose_interview_it_was(service: Server) -> None:
    with closing(sqlite3.connect(service.folder / "data" / "interviewer.db")) as database:
        (owner,) = database.execute("SELECT DISTINCT owner FROM interviews").fetchone()
    assert owner not in json.dumps(export(service))
    assert owner not in json.dumps(export(service, "--as", "answers"))


def test_answers_are_written_for_people_to_score(service: Server) -> None:
    path = service.folder / "answers.jsonl"
    export(service, "--as", "answers", "--out", str(path))
    rows = read_answers(path)
    assert {row.answer for row in rows} == {ABOUT_ANN}
    assert all(row.human_score is None and row.key_points for row in rows)
    assert {row.meta["role"] for row in rows} == {"Head Nurse", "Senior Backend-Engineer at Ann Lee's"}
    assert len({row.id for row in rows}) == len(rows) >= 3


def days(service: Server, chosen: Selection) -> list[int | None]:
    """The days of January on which the interviews began that are read; nothing for one that is not taken."""
    with closing(Archive(f"sqlite+aiosqlite:///{service.folder}/data/interviewer.db")) as archive:
        found = list(archive.read(chosen))
        assert archive.count(chosen) == len(found)
    return [interview.created_at.day if interview else None for interview in found]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-01-02", "", [2, 3, None]),
        ("2026-01-03", "", [3, None]),
        ("2026-01-02T12:00:01", "", [3, None]),
        ("2026-01-02T14:30:00+02:30", "", [2, 3, None]),
        ("", "2026-01-02", [2]),
        ("", "2026-01-02T12:00:00Z", []),
        ("2026-01-05", "", []),
    ],
)
def test_a_time_chooses_completed_interviews(
    service: Server, since: str, until: str, expected: list[int | None]
) -> None:
    instants = parse_instant(since) if since else None, parse_instant(until, ends=True) if until else None
    assert days(service, Selection(*instants)) == expected


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("NURSE", [None, 3, None]),
        ("backend engineer", [2, None, None]),
        ("end", [None, None, None]),
        ("", [2, 3, None]),
    ],
)
def test_a_role_chooses_interviews_that_hold_an_answer(
    service: Server, role: str, expected: list[int | None]
) -> None:
    assert days(service, Selection(role=role)) == expected


def test_interviews_are_read_page_by_page(service: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PAGE", 1)
    assert days(service, Selection()) == [2, 3, None]


def test_the_command_takes_what_chooses(service: Server) -> None:
    (row,) = export(service, "--since", "2026-01-02", "--until", "2026-01-03", "--role", "nurse")
    assert row["meta"]["created_at"] == "2026-01-03T12:00:00Z"


@pytest.mark.parametrize("kind", ["interviews", "answers"])
def test_anonymised_rows_name_nobody(service: Server, kind: str) -> None:
    rows = export(service, "--anonymise", "--as", kind)
    text = json.dumps(rows)
    for trace in ("Ann", "Lee", "Bob", "example.org", "7946", "ann.example"):
        assert trace not in text
    answers = [turn["answer"] for row in rows for turn in row.get("turns", [row]) if turn["answer"]]
    assert set(answers) == {MASKED}
    assert {row["id"].split("/")[0] for row in rows} == {"interview-1", "interview-2"}
    assert {row["meta"]["created_at"] for row in rows} == {"2026-01-02", "2026-01-03"}
    roles = {row["meta"]["role"] if kind == "answers" else row["config"]["job_role"] for row in rows}
    assert roles == {"Senior Backend-Engineer at [name 1]'s", "Head Nurse"}


def test_anonymised_interviews_are_a_dataset(service: Server) -> None:
    path = service.folder / "anonymous.jsonl"
    export(service, "--anonymise", "--out", str(path))
    assert [row.id for row in read_interviews(path)] == ["interview-1", "interview-2"]


def test_where_there_is_no_database_none_is_made(tmp_path: Path) -> None:
    done = run_interviewer(tmp_path, "eval", "export", "--out", "rows.jsonl")
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert "found no file data/interviewer.db" in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_day_is_told_in_a_sentence(service: Server) -> None:
    done = run_interviewer(service.folder, "eval", "export", "--since", "yesterday")
    assert done.returncode == 1
    assert (
        done.stderr.strip() == "interviewer: expected a day such as 2026-01-31 or an instant, got 'yesterday'"
    )


def test_a_day_alone_counts_whole() -> None:
    assert parse_instant("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert parse_instant("2026-01-31", ends=True) == datetime(2026, 2, 1, tzinfo=UTC)
    assert parse_instant("2026-01-31T18:00", ends=True) == datetime(2026, 1, 31, 18, tzinfo=UTC)
    for text in ("2026-02-30", "31.01.2026", "", "9999-12-31"):
        with pytest.raises(SettingsError):
            parse_instant(text, ends=True)
