"""A server can be killed and started at any point, and the interview goes on."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from serving import Server, create_interview, read_interview, submit

StartServer = Callable[..., Server]
ANSWERS = [
    "I don't know.",
    "A generator yields one item at a time, so memory use stays small.",
    "It depends.",
]


def database(server: Server) -> Path:
    """The server's database file."""
    return server.folder / "data" / "interviewer.db"


def execute(server: Server, statement: str) -> list[tuple[object, ...]]:
    """The rows of a statement on the database of a stopped server."""
    with closing(sqlite3.connect(database(server))) as connection, connection:
        return list(connection.execute(statement))


def test_an_acknowledged_turn_survives_a_crash_and_the_interview_goes_on(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        first = submit(client, interview_id, "q1", ANSWERS[0]).json()
    server.kill()
    server.start()
    with server.client() as client:
        assert submit(client, interview_id, "q1", ANSWERS[0]).json() == first
        assert read_interview(client, interview_id)["current_question"] == first["data"]["next_question"]
        assert submit(client, interview_id, "q2", ANSWERS[1]).status_code == 200


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM checkpoints", "DELETE FROM writes", "UPDATE checkpoints SET checkpoint = x'C1C1C1'"],
)
def test_a_lost_or_damaged_checkpoint_is_rebuilt_from_the_record(
    start_server: StartServer, damage: str
) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        submit(client, interview_id, "q1", ANSWERS[0])
    server.stop()
    execute(server, damage)
    server.start()
    with server.client() as client:
        assert read_interview(client, interview_id)["current_question"]["id"] == "q2"
        assert submit(client, interview_id, "q2", ANSWERS[0]).json()["data"]["next_question"]["id"] == "q3"
        summary = client.post(f"/interviews/{interview_id}/end").json()["data"]["summary"]
        assert summary["answered"] == 2


@pytest.mark.parametrize(
    "cut",
    [
        "DELETE FROM evaluations WHERE number = 2; DELETE FROM turns WHERE number = 3",
        "DELETE FROM turns WHERE number = 3",
    ],
    ids=["between answer and evaluation", "between evaluation and next question"],
)
def test_a_turn_cut_off_between_two_records_is_finished_by_the_next_touch(
    start_server: StartServer, cut: str
) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        submit(client, interview_id, "q1", ANSWERS[0])
        whole = submit(client, interview_id, "q2", ANSWERS[0]).json()
    server.stop()
    for statement in cut.split(";"):
        execute(server, statement)
    server.start()
    with server.client() as client:
        assert read_interview(client, interview_id)["current_question"]["id"] == "q3"
        assert submit(client, interview_id, "q2", ANSWERS[0]).json() == whole


def test_a_summary_that_a_crash_cut_off_is_written_by_the_next_touch(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        submit(client, interview_id, "q1", ANSWERS[1])
        summary = client.post(f"/interviews/{interview_id}/end").json()["data"]["summary"]
    server.stop()
    execute(server, "UPDATE interviews SET summary = NULL")
    server.start()
    with server.client() as client:
        assert read_interview(client, interview_id)["summary"] == summary


def test_a_natural_end_that_a_crash_cut_off_is_completed_by_the_next_touch(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client, duration=10)
        submit(client, interview_id, "q1", ANSWERS[0])
        assert submit(client, interview_id, "q2", ANSWERS[0]).json()["data"]["next_question"] is None
        whole = read_interview(client, interview_id)
    server.stop()
    execute(server, "UPDATE interviews SET summary = NULL, ended_at = NULL")
    server.start()
    with server.client() as client:
        assert read_interview(client, interview_id) == whole
        assert whole["status"] == "completed"


def test_an_interview_left_alone_past_its_time_is_ended_whatever_becomes_of_others(
    start_server: StartServer,
) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        submit(client, interview_id, "q1", ANSWERS[1])
        broken_id = create_interview(client)
    server.stop()
    execute(server, "UPDATE interviews SET expires_at = '2020-01-01T00:00:00.000000+00:00'")
    execute(server, f"UPDATE interviews SET config = '{{}}' WHERE id = '{broken_id}'")  # noqa: S608
    server.start()
    with server.client() as client:
        until = time.monotonic() + 20
        while (data := read_interview(client, interview_id))["status"] != "completed":
            assert time.monotonic() < until
            time.sleep(0.1)
        assert client.get(f"/interviews/{broken_id}").status_code == 500
    assert data["summary"]["answered"] == 1


def test_no_question_is_asked_after_the_time_is_up(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        submit(client, interview_id, "q1", ANSWERS[0])
        server.stop()
        execute(server, "UPDATE interviews SET started_at = '2020-01-01T00:00:00.000000+00:00'")
        execute(server, "DELETE FROM checkpoints")
        server.start()
        assert submit(client, interview_id, "q2", ANSWERS[0]).json()["data"]["next_question"] is None
        assert read_interview(client, interview_id)["status"] == "completed"


def test_a_first_start_that_was_cut_off_is_made_good_by_the_next(
    start_server: StartServer, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "interviewer.db")) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    with start_server().client() as client:
        create_interview(client)


def test_a_finished_interview_keeps_its_record_and_no_thread(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        submit(client, interview_id, "q1", ANSWERS[0])
        client.post(f"/interviews/{interview_id}/end")
    assert server.stop() == 0
    assert execute(server, "SELECT count(*) FROM checkpoints") == [(0,)]
    assert execute(server, "SELECT count(*) FROM turns") == [(2,)]
