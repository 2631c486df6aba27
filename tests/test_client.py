"""The Python client, against real servers and against a scripted one."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from serving import KEY, OTHER_KEY, Server

from api.client import (
    AsyncClient,
    CallFailed,
    Client,
    Retries,
    create_interview,
    end_interview,
    read_interview,
    request_feedback,
    request_practice,
    submit_answer,
)
from api.conversation import Asked, Conversation, Ended, Event, Graded, Thinking, Writing

DECLINE = "I don't know."
FAILED = {"code": "server_error", "message": "for a moment", "details": {"retryable": True}}
BROKEN = FAILED | {"details": {"retryable": False}}
Script = list[tuple[int, object]]


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    """The address of a server that gives these responses, one after the other."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = script.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode() if isinstance(body, str) else json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_call_brings_a_typed_result(server: Server) -> None:
    with Client(server.url, KEY) as client:
        created = client.send(create_interview("Nurse", skills=["Triage"], duration=10))
        assert (created.config.job_role, created.config.duration) == ("Nurse", 10)
        position = client.send(read_interview(created.interview_id))
        assert position.current_question is not None
        answered = client.send(submit_answer(created.interview_id, position.current_question.id, DECLINE))
        assert answered.evaluation.score <= 1
        assert answered.next_question is not None
        ended = client.send(end_interview(created.interview_id))
        over = client.send(read_interview(created.interview_id))
        assert over.summary == ended.summary
        assert [turn.answer for turn in over.turns or []] == [DECLINE, None]
        coached = client.send(request_feedback("Tell me about a conflict.", "I spoke with her.", "CAR"))
        assert set(coached.feedback.framework_analysis) == {"challenge", "action", "result"}
        assert client.send(request_practice("Nurse", "Triage")).guidance.key_points


def test_sending_the_same_create_twice_creates_one_interview(server: Server) -> None:
    call = create_interview("Nurse")
    with Client(server.url, KEY) as client:
        assert client.send(call) == client.send(call)
        assert client.send(create_interview("Nurse")).interview_id != client.send(call).interview_id


def test_an_error_says_what_the_contract_says(server: Server) -> None:
    with Client(server.url, KEY) as client, pytest.raises(CallFailed) as refused:
        client.send(create_interview("Nurse", duration=0))
    assert (refused.value.status, refused.value.code) == (400, "invalid_request")
    assert refused.value.details["fields"][0]["field"] == "duration"
    assert "duration" in refused.value.message


def test_the_async_client_speaks_the_same_calls(server: Server) -> None:
    async def run() -> None:
        async with AsyncClient(server.url, KEY) as client:
            created = await client.send(create_interview("Nurse", duration=10))
            assert (await client.send(read_interview(created.interview_id))).status == "in_progress"
            with pytest.raises(CallFailed, match="no interview"):
                await client.send(read_interview("nope"))

    asyncio.run(run())


def test_a_rate_limit_is_waited_out(start_server: Callable[..., Server]) -> None:
    server = start_server(INTERVIEWER_RATE_LIMIT="2/second")
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse")).interview_id
        began = time.monotonic()
        for _ in range(4):
            client.send(read_interview(interview_id))
        assert time.monotonic() - began >= 1


def test_a_rate_limit_beyond_the_clients_patience_is_an_error(start_server: Callable[..., Server]) -> None:
    server = start_server(INTERVIEWER_RATE_LIMIT="1/minute")
    with Client(server.url, KEY, patience=1) as client:
        client.send(create_interview("Nurse"))
        with pytest.raises(CallFailed) as limited:
            client.send(create_interview("Nurse"))
    assert limited.value.code == "rate_limited"
    assert 1 < limited.value.details["retry_after"] <= 60


def test_a_server_that_comes_back_is_waited_for(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse")).interview_id
        server.kill()
        starting = threading.Thread(target=server.start)
        starting.start()
        assert client.send(read_interview(interview_id)).status == "in_progress"
        starting.join()


def test_a_server_that_stays_away_is_named(start_server: Callable[..., Server]) -> None:
    server = start_server()
    server.kill()
    with Client(server.url, KEY, patience=0.3) as client, pytest.raises(CallFailed) as lost:
        client.send(read_interview("x"))
    assert lost.value.code == "unreachable"
    assert server.url in lost.value.message


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (
            [(500, {"error": FAILED}), (503, "busy"), (404, {"error": BROKEN | {"code": "not_found"}})],
            "not_found",
        ),
        ([(500, {"error": BROKEN})], "server_error"),
        ([(200, "<html>hello</html>")], "not_understood"),
        ([(200, {"data": {"odd": 1}})], "not_understood"),
        ([(404, "nothing here")], "not_understood"),
        ([(500, "oh dear")], "not_understood"),
    ],
)
def test_what_may_pass_is_repeated_and_nothing_else(script: Script, code: str) -> None:
    with scripted(script) as url, Client(url, KEY) as client, pytest.raises(CallFailed) as failed:
        client.send(read_interview("x"))
    assert failed.value.code == code
    assert script == []


def test_pauses_double_and_end_with_the_patience() -> None:
    retries, pauses = Retries(patience=3), []
    while (pause := retries.next_pause(httpx.ConnectError("gone"))) is not None:
        pauses.append(pause)
    assert sum(pauses) <= 3
    assert all(0.1 * 2**n <= pause <= 0.2 * 2**n for n, pause in enumerate(pauses))


def hold(conversation: Conversation, answer: str = DECLINE) -> list[Event]:
    """What happens when every question gets the same answer."""
    events: list[Event] = []
    for event in conversation:
        events.append(event)
        if isinstance(event, Asked):
            conversation.answer(event.question.id, answer)
    return events


def told(events: Iterable[Event]) -> list[str]:
    """The questions and grades by their ids, and the end."""
    lines = []
    for event in events:
        match event:
            case Asked(question):
                lines.append(f"asked {question.id}")
            case Graded(question_id):
                lines.append(f"graded {question_id}")
            case Ended():
                lines.append("ended")
    return lines


WHOLE = ["asked q1", "graded q1", "asked q2", "graded q2", "ended"]


def test_a_conversation_is_an_interview_as_it_happens(server: Server) -> None:
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse", duration=10)).interview_id
        with Conversation(client, interview_id, stream=True) as conversation:
            events = hold(conversation)
        assert told(events) == WHOLE
        written = "".join(
            event.text for event in events if isinstance(event, Writing) and event.question_id == "q1"
        )
        assert written == next(event.evaluation.feedback for event in events if isinstance(event, Graded))
        assert Thinking(is_thinking=True) in events
        summary = client.send(read_interview(interview_id)).summary
        assert summary is not None
        assert events[-1] == Ended(summary)


def test_a_conversation_outlives_connections_cut_after_every_answer(server: Server) -> None:
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse", duration=10)).interview_id
        events = []
        with Conversation(client, interview_id) as conversation:
            for event in conversation:
                events.append(event)
                if isinstance(event, Asked):
                    conversation.answer(event.question.id, DECLINE)
                    assert conversation._socket is not None
                    conversation._socket.socket.shutdown(socket.SHUT_RDWR)
        assert told(events) == WHOLE


def test_a_conversation_outlives_a_server_killed_in_mid_turn(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse", duration=10)).interview_id
        with Conversation(client, interview_id) as conversation:
            first = next(conversation)
            assert isinstance(first, Asked)
            conversation.answer(first.question.id, DECLINE)
            server.kill()
            starting = threading.Thread(target=server.start)
            starting.start()
            events = [first, *hold(conversation)]
            starting.join()
        assert told(events) == WHOLE
        turns = client.send(read_interview(interview_id)).turns or []
        assert [turn.answer for turn in turns] == [DECLINE, DECLINE]


def test_a_grade_that_nobody_heard_before_the_end_is_fetched(server: Server) -> None:
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse", duration=10)).interview_id
        with Conversation(client, interview_id) as conversation:
            assert told([next(conversation)]) == ["asked q1"]
            conversation.close()
            conversation.answer("q1", DECLINE)
            client.send(submit_answer(interview_id, "q1", DECLINE))
            client.send(end_interview(interview_id))
            assert told(conversation) == ["graded q1", "ended"]


def test_a_refused_answer_is_an_error_and_the_question_comes_again(server: Server) -> None:
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse", duration=10)).interview_id
        with Conversation(client, interview_id) as conversation:
            for answer in ("x" * 20_001, "x" * 1_000_000):
                assert told([next(conversation)]) == ["asked q1"]
                conversation.answer("q1", answer)
                with pytest.raises(CallFailed) as refused:
                    next(conversation)
                assert refused.value.code == "invalid_request"
            assert told(hold(conversation)) == WHOLE


def test_a_conversation_waits_out_a_rate_limit(start_server: Callable[..., Server]) -> None:
    server = start_server(INTERVIEWER_RATE_LIMIT="2/second")
    with Client(server.url, KEY) as client:
        interview_id = client.send(create_interview("Nurse", duration=10)).interview_id
        with Conversation(client, interview_id) as conversation:
            assert told(hold(conversation)) == WHOLE


def test_a_conversation_with_the_wrong_key_is_refused(server: Server) -> None:
    with Client(server.url, KEY) as client, Client(server.url, OTHER_KEY) as stranger:
        interview_id = client.send(create_interview("Nurse")).interview_id
        with Conversation(stranger, interview_id) as conversation, pytest.raises(CallFailed) as refused:
            next(conversation)
    assert (refused.value.status, refused.value.code) == (403, "unauthorized")
