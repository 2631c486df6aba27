"""The WebSocket contract, against a real server over real sockets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from serving import KEY, OTHER_KEY, Server, create_interview, frame, read_interview, submit
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

DECLINE = "I don't know."


@contextmanager
def watch(server: Server, interview_id: str, query: str = f"?token={KEY}") -> Iterator[ClientConnection]:
    """A socket of an interview."""
    with connect(f"{server.socket_url}/{interview_id}{query}", max_size=None) as socket:
        yield socket


def receive(socket: ClientConnection, *kinds: str) -> list[dict[str, Any]]:
    """The data of the next messages, which must be of these kinds."""
    messages = [json.loads(socket.recv(timeout=10)) for _ in kinds]
    assert all(set(message) == {"type", "data"} for message in messages)
    assert [message["type"] for message in messages] == list(kinds)
    return [message["data"] for message in messages]


def expect_close(socket: ClientConnection, code: int) -> None:
    """Nothing more comes but a close with this code."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 401, "unauthorized"),
        ("?token=wrong", 401, "unauthorized"),
        (f"?token={OTHER_KEY}", 403, "unauthorized"),
    ],
)
def test_a_socket_without_the_right_key_is_refused_with_the_envelope(
    server: Server, client: httpx.Client, query: str, status: int, code: str
) -> None:
    with pytest.raises(InvalidStatus) as refused, watch(server, create_interview(client), query):
        pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["code"] == code


def test_a_socket_of_an_unknown_interview_is_refused_with_404(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused, watch(server, "nope"):
        pass
    assert refused.value.response.status_code == 404
    assert json.loads(refused.value.response.body)["error"]["code"] == "not_found"


@pytest.mark.parametrize("address", ["/nope", "/api/v1/ws/interviews/", "/api/v1/interviews/x"])
def test_a_socket_at_an_address_without_sockets_is_refused_with_404(server: Server, address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{server.port}{address}?token={KEY}")
    assert refused.value.response.status_code == 404
    assert json.loads(refused.value.response.body)["error"]["code"] == "not_found"


def test_an_interview_is_held_from_the_first_question_to_the_summary(
    server: Server, client: httpx.Client
) -> None:
    interview_id = create_interview(client, duration=10)
    with watch(server, interview_id) as socket:
        assert receive(socket, "question")[0]["id"] == "q1"
        socket.send(frame("answer", answer=DECLINE))
        thinking, feedback, question, done = receive(socket, "thinking", "feedback", "question", "thinking")
        assert (thinking, done) == ({"is_thinking": True}, {"is_thinking": False})
        assert feedback["score"] in (0, 1)
        assert question["id"] == "q2"
        socket.send(frame("answer", answer=DECLINE, question_id="q2"))
        *_, ended, done = receive(socket, "thinking", "feedback", "interview_ended", "thinking")
        assert done == {"is_thinking": False}
        assert ended["summary"] == read_interview(client, interview_id)["summary"]
        expect_close(socket, 1000)


def test_a_socket_of_a_finished_interview_gets_the_summary_and_is_closed(
    server: Server, client: httpx.Client
) -> None:
    interview_id = create_interview(client)
    summary = client.post(f"/interviews/{interview_id}/end").json()["data"]["summary"]
    with watch(server, interview_id) as socket:
        assert receive(socket, "interview_ended") == [{"summary": summary}]
        expect_close(socket, 1000)


def test_all_sockets_see_the_same_events_also_those_of_rest(server: Server, client: httpx.Client) -> None:
    interview_id = create_interview(client)
    with watch(server, interview_id) as one, watch(server, interview_id) as two:
        for socket in (one, two):
            receive(socket, "question")
        result = submit(client, interview_id, "q1", DECLINE).json()["data"]
        for socket in (one, two):
            _, feedback, question, _ = receive(socket, "thinking", "feedback", "question", "thinking")
            assert feedback["feedback"] == result["evaluation"]["feedback"]
            assert question == result["next_question"]


def test_request_next_sends_the_open_question_again_and_never_skips(
    server: Server, client: httpx.Client
) -> None:
    with watch(server, create_interview(client)) as socket:
        first = receive(socket, "question")
        for _ in range(3):
            socket.send(frame("request_next"))
            assert receive(socket, "question") == first


def test_a_repeated_answer_gets_the_stored_feedback_and_the_open_question(
    server: Server, client: httpx.Client
) -> None:
    with watch(server, create_interview(client)) as socket:
        receive(socket, "question")
        socket.send(frame("answer", answer=DECLINE, question_id="q1"))
        _, feedback, question, _ = receive(socket, "thinking", "feedback", "question", "thinking")
        socket.send(frame("answer", answer=DECLINE, question_id="q1"))
        assert receive(socket, "feedback", "question") == [feedback, question]


def test_an_answer_sent_twice_in_a_hurry_is_taken_once(server: Server, client: httpx.Client) -> None:
    interview_id = create_interview(client)
    with watch(server, interview_id) as socket:
        receive(socket, "question")
        for _ in range(2):
            socket.send(frame("answer", answer=DECLINE))
        kinds = {json.loads(socket.recv(timeout=10))["type"] for _ in range(6)}
    assert kinds == {"thinking", "feedback", "question"}
    assert read_interview(client, interview_id)["current_question"]["id"] == "q2"


def test_a_valid_typing_message_gets_no_reply(server: Server, client: httpx.Client) -> None:
    with watch(server, create_interview(client)) as socket:
        receive(socket, "question")
        socket.send(frame("typing", is_typing=True))
        socket.send(frame("request_next"))
        receive(socket, "question")


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[" * 100_000,
        "[]",
        "{}",
        b"\x00\xff",
        json.dumps({"type": "answer"}),
        json.dumps({"type": "sing", "data": {}}),
        json.dumps({"type": "typing", "data": {"is_typing": "yes"}}),
        json.dumps({"type": "answer", "data": {"answer": "  "}}),
        json.dumps({"type": "answer", "data": {"answer": "x" * 20_001}}),
        json.dumps({"type": "answer", "data": {"answer": "x", "question_id": "q7"}}),
        json.dumps({"type": "answer", "data": {"answer": "x", "mood": "good"}}),
        json.dumps({"type": "answer", "data": {"answer": "x", "question_id": ""}}),
        '{"type": "answer", "data": {"answer": "\\ud800"}}',
    ],
)
def test_a_bad_message_gets_an_error_and_the_socket_stays_open(
    server: Server, client: httpx.Client, message: str | bytes
) -> None:
    with watch(server, create_interview(client)) as socket:
        receive(socket, "question")
        socket.send(message)
        (error,) = receive(socket, "error")
        assert set(error) == {"code", "message", "details"}
        assert error["code"] == "invalid_request"
        socket.send(frame("request_next"))
        receive(socket, "question")


def test_an_oversize_frame_closes_its_socket_and_nothing_else(server: Server, client: httpx.Client) -> None:
    interview_id = create_interview(client)
    with watch(server, interview_id) as bystander:
        receive(bystander, "question")
        with watch(server, interview_id) as socket:
            receive(socket, "question")
            socket.send("x" * 1_000_000)
            expect_close(socket, 1009)
        bystander.send(frame("request_next"))
        receive(bystander, "question")


def test_a_client_that_leaves_in_mid_turn_finds_its_answer_graded(
    server: Server, client: httpx.Client
) -> None:
    interview_id = create_interview(client)
    with watch(server, interview_id) as socket:
        receive(socket, "question")
        socket.send(frame("answer", answer=DECLINE))
        receive(socket, "thinking")
    with watch(server, interview_id) as socket:
        socket.send(frame("request_next"))
        while (message := json.loads(socket.recv(timeout=10)))["type"] != "question" or (
            message["data"]["id"] != "q2"
        ):
            socket.send(frame("request_next"))
    assert submit(client, interview_id, "q1", DECLINE).status_code == 200


def test_the_key_of_a_socket_reaches_no_log_line(server: Server, client: httpx.Client) -> None:
    with watch(server, create_interview(client)) as socket:
        receive(socket, "question")
    with pytest.raises(InvalidStatus), watch(server, "nope"):
        pass
    assert '"method": "WS"' in server.log
    assert KEY not in server.log
