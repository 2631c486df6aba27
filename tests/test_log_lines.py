"""A line of the log names the request, the interview and the question that it is about."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from provider import UNKNOWN_MODEL, Provider, serving
from serving import KEY, Server, create_interview, frame, read_interview, submit
from websockets.sync.client import connect

from api.auth import hash_key, name_key

StartServer = Callable[..., Server]
Line = dict[str, Any]

ANSWER = "A generator yields one item at a time, so memory use stays small."


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A model's provider."""
    with serving(Provider()) as provider:
        yield provider


@pytest.fixture
def server(start_server: StartServer, provider: Provider) -> Server:
    """A server with that model."""
    return start_server(
        INTERVIEWER_MODEL="openai:test", OPENAI_BASE_URL=provider.url, OPENAI_API_KEY="sk-secret"
    )


def read_lines(server: Server, event: str) -> list[Line]:
    """The lines of an event, once the server has stopped."""
    assert server.stop() == 0
    return [line for line in map(json.loads, server.log.splitlines()) if line["event"] == event]


def test_a_failure_deep_in_a_turn_names_request_interview_and_question(
    server: Server, provider: Provider
) -> None:
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        provider.always = UNKNOWN_MODEL
        client.headers["X-Request-ID"] = "mine-1"
        assert submit(client, interview_id, "q1", ANSWER).status_code == 500
    lines = read_lines(server, "model_call_failed")
    assert {line["prompt"] for line in lines} == {"evaluate_answer@1", "generate_question@1"}
    for line in lines:
        assert (line["request_id"], line["interview_id"], line["question_id"]) == (
            "mine-1",
            interview_id,
            "q1",
        )


def test_what_follows_from_a_request_keeps_its_names(server: Server, provider: Provider) -> None:
    provider.always = UNKNOWN_MODEL
    with server.client() as client:
        client.headers["X-Request-ID"] = "mine-2"
        interview_id = create_interview(client)
    (line,) = read_lines(server, "preparation_failed")
    assert (line["request_id"], line["interview_id"]) == ("mine-2", interview_id)


def test_turns_at_the_same_time_keep_their_names_apart(server: Server, provider: Provider) -> None:
    with server.client() as client:
        interviews = {f"mine-{n}": create_interview(client) for n in range(8)}
        for interview_id in interviews.values():
            read_interview(client, interview_id)
    provider.always, provider.latency = UNKNOWN_MODEL, 0.2

    def answer(request_id: str) -> int:
        with server.client() as client:
            client.headers["X-Request-ID"] = request_id
            return submit(client, interviews[request_id], "q1", ANSWER).status_code

    with ThreadPoolExecutor(8) as crowd:
        assert set(crowd.map(answer, interviews)) == {500}
    lines = read_lines(server, "model_call_failed")
    assert {(line["request_id"], line["interview_id"]) for line in lines} == set(interviews.items())


def test_a_failure_over_a_socket_names_request_interview_and_question(
    server: Server, provider: Provider
) -> None:
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
    provider.always = UNKNOWN_MODEL
    with connect(
        f"{server.socket_url}/{interview_id}?token={KEY}", additional_headers={"X-Request-ID": "ws-1"}
    ) as socket:
        socket.send(frame("answer", answer=ANSWER, question_id="q1"))
        while json.loads(socket.recv(20))["type"] != "error":
            pass
    line = read_lines(server, "model_call_failed")[0]
    assert (line["request_id"], line["interview_id"], line["question_id"]) == ("ws-1", interview_id, "q1")


def test_the_line_of_a_request_names_its_key_by_id_and_its_interview(server: Server) -> None:
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        assert client.get("/interviews/not-an-id").status_code == 404
    with server.client("wrong-key-0123456789") as guesser:
        assert guesser.get(f"/interviews/{interview_id}").status_code == 401
    with connect(f"{server.socket_url}/{interview_id}?token={KEY}") as socket:
        socket.recv(20)
    created, read, unknown, guessed, held = read_lines(server, "request")
    owner = name_key(hash_key(KEY))
    assert [line.get("key_id") for line in (created, read, unknown, guessed, held)] == [owner] * 3 + [
        None,
        owner,
    ]
    assert all(line["interview_id"] == interview_id for line in (read, guessed, held))
    assert "interview_id" not in created
    assert "interview_id" not in unknown
    assert len({line["request_id"] for line in (created, read, unknown, guessed, held)}) == 5
    assert KEY not in server.log
