"""Clients that do not read, do not answer, come and go, or never come back.

SOAK_SOCKETS=1000 SOAK_COMINGS=10000 SOAK_ABANDONED=1000 python -m pytest tests/test_slow_clients.py -s
"""

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta

import pytest
from hostile import (
    PING,
    TEXT,
    encode,
    expect_no_fault,
    open_socket,
    read_memory,
    read_rest,
    read_scale,
    send,
    wait_until,
)
from serving import KEY, Server, create_interview, frame, read_interview
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

KEYS = [f"key-{number:03}-0123456789" for number in range(100)]
SOCKETS = read_scale("SOAK_SOCKETS", 100)
COMINGS = read_scale("SOAK_COMINGS", 300)
ABANDONED = read_scale("SOAK_ABANDONED", 20)
MINUTES = 15

StartServer = Callable[..., Server]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for a second only, with one socket per key."""
    settings = {
        "INTERVIEWER_API_KEYS": KEY,
        "INTERVIEWER_RATE_LIMIT": "100000/minute",
        "INTERVIEWER_PING_SECONDS": "1",
        "INTERVIEWER_WS_CONNECTIONS": "1",
    }
    running = Server(tmp_path_factory.mktemp("impatient"), settings).start()
    yield running
    expect_no_fault(running)
    running.kill()


def find_room(server: Server, interview_id: str) -> bool:
    """Whether a socket of the key can be opened."""
    try:
        with connect(f"{server.socket_url}/{interview_id}?token={KEY}"):
            return True
    except InvalidStatus:
        return False


def flood(connection: socket.socket, data: bytes, seconds: float) -> None:
    """Send as much as is taken for so long, and read nothing."""
    connection.setblocking(False)
    deadline, place = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        try:
            place = (place + connection.send(data[place:])) % len(data)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return


@pytest.mark.parametrize(
    "data",
    [
        encode(PING, b"x" * 125) * 4_000,
        encode(TEXT, frame("request_next").encode()) * 4_000,
        encode(TEXT, b"0") * 40_000,
        encode(TEXT, b"x" * 200_000) * 4,
        encode(TEXT, b"", first=0) + encode(0, b"", first=0) * 1_000 + encode(PING, b"x" * 125) * 4_000,
    ],
    ids=["pings", "questions", "small messages", "large messages", "fragments"],
)
def test_a_client_that_never_reads_takes_little_memory_and_is_cut_off(impatient: Server, data: bytes) -> None:
    with impatient.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        before = read_memory(impatient)
        with open_socket(impatient, interview_id, buffer=4_096) as connection:
            flood(connection, data, 2)
            assert read_memory(impatient) - before < 16
            wait_until(lambda: find_room(impatient, interview_id))
        read_interview(client, interview_id)


def test_a_client_that_answers_no_ping_is_closed_and_frees_its_place(impatient: Server) -> None:
    with (
        impatient.client() as client,
        open_socket(impatient, interview_id := create_interview(client)) as connection,
    ):
        assert b"\x03\xf3keepalive" in read_rest(connection)  # 1011
        wait_until(lambda: find_room(impatient, interview_id))


def test_a_client_that_reads_and_answers_pings_stays(impatient: Server) -> None:
    with (
        impatient.client() as client,
        connect(f"{impatient.socket_url}/{create_interview(client)}?token={KEY}") as live,
    ):
        first = live.recv(timeout=10)
        with pytest.raises(TimeoutError):
            live.recv(timeout=4)
        live.send(frame("request_next"))
        assert live.recv(timeout=10) == first


def test_a_client_that_never_reads_delays_no_other(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        interview_id = create_interview(client)
        with (
            open_socket(server, interview_id, buffer=4_096) as mute,
            connect(f"{server.socket_url}/{interview_id}?token={KEY}") as reader,
        ):
            assert json.loads(reader.recv(timeout=10))["type"] == "question"
            flood(mute, encode(TEXT, frame("request_next").encode()) * 4_000, 1)
            for _ in range(20):
                reader.send(frame("request_next"))
                assert json.loads(reader.recv(timeout=10))["type"] == "question"
    expect_no_fault(server)


def test_idle_sockets_take_little_memory_and_give_it_back(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_API_KEYS=",".join([KEY, *KEYS]), INTERVIEWER_LOG_LEVEL="warning")
    owned = []
    for key in KEYS[: max(1, SOCKETS // 10)]:
        with server.client(key) as client:
            owned += [(create_interview(client), key) for _ in range(10)]
            for interview_id, _ in owned[-10:]:
                read_interview(client, interview_id)
    for interview_id, key in owned:  # once before, so that only what the open ones take is measured
        open_socket(server, interview_id, key).close()
    before = read_memory(server)
    with ExitStack() as stack:
        for interview_id, key in owned:
            stack.enter_context(open_socket(server, interview_id, key))
        during = read_memory(server)
        with server.client() as client:
            create_interview(client)
    each = (during - before) * 1024 / len(owned)
    print(f"{len(owned)} idle sockets: {each:.1f} KB each")  # noqa: T201 - for the soak
    assert each < 100
    expect_no_fault(server)


def test_clients_that_come_and_go_leave_nothing_behind(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_LOG_LEVEL="warning")
    with server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        for _ in range(50):
            wait_until(lambda: find_room(server, interview_id))
        before = read_memory(server)
        for number in range(COMINGS):
            try:
                connection = open_socket(server, interview_id)
            except OSError:  # the places of those who left are not all free yet
                time.sleep(0.02)
                continue
            if number % 2:
                send(connection, encode(8, b"\x03\xe8"))
            connection.close()
        wait_until(lambda: find_room(server, interview_id))
        grown = read_memory(server) - before
        print(f"{COMINGS} came and went: {grown:.1f} MB more")  # noqa: T201 - for the soak
        assert grown < 16
    expect_no_fault(server)


def move_back(server: Server, interviews: list[str], by: timedelta) -> None:
    """Let interviews of a server that is stopped have begun that much earlier."""
    with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as database, database:
        for name in interviews:
            query = "SELECT created_at, started_at, expires_at FROM interviews WHERE id = ?"
            (times,) = database.execute(query, (name,))
            earlier = [time and (datetime.fromisoformat(time) - by).isoformat() for time in times]
            query = "UPDATE interviews SET created_at = ?, started_at = ?, expires_at = ? WHERE id = ?"
            database.execute(query, (*earlier, name))


def test_abandoned_interviews_are_ended_a_day_past_their_time(start_server: StartServer) -> None:
    server = start_server(INTERVIEWER_LOG_LEVEL="warning")
    with server.client() as client:
        abandoned = []
        for number in range(ABANDONED):
            abandoned.append(create_interview(client, duration=MINUTES))
            if number % 2:
                read_interview(client, abandoned[-1])
        kept = create_interview(client, duration=MINUTES)
        assert read_interview(client, kept)["status"] == "in_progress"
        memory = read_memory(server)
    server.stop()
    move_back(server, abandoned, timedelta(hours=24, minutes=MINUTES + 1))
    move_back(server, [kept], timedelta(hours=24, minutes=MINUTES - 5))
    server.start()
    began = time.monotonic()
    with server.client() as client:
        wait_until(
            lambda: all(read_interview(client, name)["status"] == "completed" for name in abandoned), 600
        )
        print(f"{ABANDONED} abandoned: {memory:.0f} MB open, ended in {time.monotonic() - began:.0f} s")  # noqa: T201
        assert read_interview(client, kept)["status"] == "in_progress"
        assert read_interview(client, abandoned[0])["summary"]["answered"] == 0
    server.stop()
    with closing(sqlite3.connect(server.folder / "data" / "interviewer.db")) as database:
        threads = {row[0] for row in database.execute("SELECT DISTINCT thread_id FROM checkpoints")}
    assert not threads & set(abandoned)
    expect_no_fault(server)
