"""Limits: what is counted, when it ends, and who is never touched by it."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import pytest
from serving import KEY, OTHER_KEY, Server, create_interview, frame
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.limits import Pace

StartServer = Callable[..., Server]


def test_requests_handshakes_and_socket_answers_are_counted_together(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_RATE_LIMIT="4/minute")
    with server.client() as client:
        interview_id = create_interview(client)
        client.get(f"/interviews/{interview_id}")
        with connect(f"{server.socket_url}/{interview_id}?token={KEY}") as socket:
            socket.recv(timeout=10)
            socket.send(frame("answer", answer="I don't know."))
            for _ in range(4):
                socket.recv(timeout=10)
            socket.send(frame("answer", answer="I don't know."))
            error = json.loads(socket.recv(timeout=10))
        assert (error["type"], error["data"]["code"]) == ("error", "rate_limited")
        refused = client.get(f"/interviews/{interview_id}")
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "rate_limited"
    with server.client(OTHER_KEY) as other:
        create_interview(other)


def test_waiting_for_retry_after_is_enough(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_RATE_LIMIT="2/2 seconds")
    with server.client() as client:
        create_interview(client)
        create_interview(client)
        refused = client.get("/interviews/x")
        assert refused.status_code == 429
        time.sleep(int(refused.headers["retry-after"]))
        create_interview(client)


def test_a_key_has_ten_sockets_and_a_closed_one_frees_its_place(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client, ExitStack() as stack:
        url = f"{server.socket_url}/{create_interview(client)}?token={KEY}"
        first = stack.enter_context(connect(url))
        for _ in range(9):
            stack.enter_context(connect(url))
        with pytest.raises(InvalidStatus) as refused:
            connect(url)
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["Retry-After"]) >= 1
        assert json.loads(refused.value.response.body)["error"]["code"] == "rate_limited"
        first.close()
        stack.enter_context(connect_when_free(url))


def connect_when_free(url: str) -> "ExitStack":
    """A socket, as soon as the server has noticed that another was closed."""
    stack = ExitStack()
    for attempt in range(50):
        try:
            stack.enter_context(connect(url))
        except InvalidStatus:
            assert attempt < 49
            time.sleep(0.1)
        else:
            break
    return stack


def test_guessing_keys_is_slowed_down_and_never_touches_a_valid_one(start_server: StartServer) -> None:
    server = start_server()
    with server.client("wrong-key-0123456789") as guesser:
        statuses = [guesser.get("/interviews/x").status_code for _ in range(80)]
    assert statuses[:30] == [401] * 30
    assert statuses[-1] == 429
    with server.client("wrong-key-0123456789") as disguised:
        answers = disguised.get("/interviews/x", headers={"X-Forwarded-For": "203.0.113.9"})
    assert answers.status_code == 429
    with server.client() as client:
        create_interview(client)
    assert httpx.get(server.url + "/healthz").status_code == 200


def test_a_flood_is_slowed_down_to_the_rate_and_a_burst_is_not() -> None:
    async def spend(units: int) -> float:
        pace, began = Pace(per_second=100, burst=50), time.monotonic()
        for _ in range(units):
            await pace.spend(1)
        return time.monotonic() - began

    assert asyncio.run(spend(80)) > 0.29
    assert min(asyncio.run(spend(50)) for _ in range(5)) < 0.29  # the machine may have paused once
