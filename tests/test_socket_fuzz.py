"""A socket takes whatever is thrown at it, and nobody else notices.

SOAK_FRAMES=100000 SOAK_SEED=8 python -m pytest tests/test_socket_fuzz.py -s
"""

import json
import random
import socket
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import httpx
import pytest
from hostile import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    encode,
    expect_no_fault,
    open_socket,
    read_memory,
    read_rest,
    read_scale,
    wait_until,
)
from serving import KEY, OTHER_KEY, Server, create_interview, frame, read_interview, submit
from websockets.sync.client import connect

FRAMES, SEED = read_scale("SOAK_FRAMES", 5_000), read_scale("SOAK_SEED", 7)
SOCKETS = 8

StartServer = Callable[..., Server]


def make_value(chance: random.Random, depth: int = 0) -> object:
    """Any JSON value, some of them nested, some beyond what others can read."""
    kinds: list[Callable[[], object]] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.choice([0, -1, 2**63, 10**400, 1e308, 0.1]),
        lambda: chance.choice([float("nan"), float("inf")]),
        lambda: "".join(chance.choice("aé\U0001f600\x00\ud800\u202e ") for _ in range(chance.randrange(9))),
        lambda: "x" * chance.choice([1, 200, 20_001]),
    ]
    if depth < 3:
        kinds += [
            lambda: [make_value(chance, depth + 1) for _ in range(chance.randrange(4))],
            lambda: {str(make_value(chance, 3)): make_value(chance, depth + 1) for _ in range(3)},
        ]
    return chance.choice(kinds)()


def make_message(chance: random.Random) -> bytes:
    """A message: valid, nearly valid, of the wrong types, deep or huge."""
    fit: dict[str, dict[str, object]] = {
        "answer": {"answer": "I don't know.", "question_id": chance.choice(["q1", "q2", "q9", ""])},
        "typing": {"is_typing": chance.random() < 0.5},
        "request_next": {},
    }
    kind = chance.choice(list(fit))
    message: dict[str, object] = {"type": kind, "data": dict(fit[kind])}
    way = chance.randrange(9)
    if way == 1:
        message[chance.choice(["type", "data", "mood"])] = make_value(chance)
    elif way == 2:
        message["data"] = dict(fit[kind]) | {chance.choice(["answer", "is_typing", "x"]): make_value(chance)}
    elif way == 3:
        return json.dumps(make_value(chance)).encode()
    text = json.dumps(message).encode()
    if way == 4:
        cut = chance.randrange(len(text))
        return text[:cut] + bytes([chance.randrange(256)]) + text[cut + 1 :]
    if way == 5:
        return chance.choice(
            [b"[" * 20_000, b'{"a":' * 9_000, b"9" * 20_000, b"\xef\xbb\xbf" + text, b"1e400"]
        )
    if way == 6:
        return b'{"type": "typing", "type": "answer", "data": {}, "data": []}'
    return text


def make_frames(chance: random.Random) -> bytes:
    """One frame, or the frames of one message, as they should be or not."""
    payload, mask = make_message(chance), chance.randbytes(4)
    small = payload[:125]
    ways: list[Callable[[], bytes]] = [
        lambda: encode(TEXT, payload, mask=mask),
        lambda: encode(TEXT, payload, mask=mask),
        lambda: encode(TEXT, payload, mask=mask),
        lambda: encode(BINARY, payload, mask=mask),
        lambda: encode(PING, small, mask=mask) * chance.randrange(1, 50),
        lambda: encode(PONG, small, mask=mask),
        lambda: encode(TEXT, payload[:9], first=0, mask=mask) + encode(0, payload[9:], mask=mask),
        lambda: encode(TEXT, b"", first=0) + encode(0, b"", first=0) * chance.choice([9, 2_000]),
        lambda: encode(TEXT, b"x" * chance.choice([262_144, 262_145, 400_000])),
    ]
    if chance.random() < 0.1:  # what ends a socket is rarer, or nothing else would be tried
        ways = [
            lambda: encode(chance.choice([3, 4, 7, 11, 15]), small, mask=mask),
            lambda: encode(TEXT, payload, first=0x80 | chance.choice([0x10, 0x20, 0x40]), mask=mask),
            lambda: encode(TEXT, payload, mask=b""),
            lambda: encode(TEXT, b"\xff\xc0" + payload, mask=mask),
            lambda: encode(0, payload, mask=mask),
            lambda: encode(PING, payload.ljust(200), mask=mask),
            lambda: encode(PING, small, first=0, mask=mask),
            lambda: encode(
                CLOSE, chance.choice([b"", b"\x03", b"\x03\xe8bye", b"\xff\xff", b"\x03\xe8\xff"])
            ),
            lambda: bytes([0x81, 0xFF]) + b"\xff" * 8 + payload[:20],
            lambda: chance.randbytes(chance.randrange(1, 400)),
        ]
    return chance.choice(ways)()


def make_sendings(chance: random.Random, frames: bytes) -> list[bytes]:
    """The frames at once, mostly; or cut off, or in drips."""
    way = chance.randrange(20)
    if way == 0:
        return [frames[: chance.randrange(len(frames) + 1)], b""]
    if way == 1:
        return [frames[place : place + 1] for place in range(min(60, len(frames)))] + [frames[60:]]
    return [frames]


def throw(server: Server, interviews: list[str], chance: random.Random, count: int) -> bytes:
    """Send so many frames over a few sockets, each opened anew when it is closed; some of what came back."""
    sockets: list[socket.socket | None] = [None] * SOCKETS
    heard = b""
    for _ in range(count):
        place = chance.randrange(SOCKETS)
        connection = sockets[place]
        if connection is None:
            connection = sockets[place] = open_fast(server, interviews[place])
        try:
            for piece in make_sendings(chance, make_frames(chance)):
                if not piece:
                    raise ConnectionAbortedError  # half a frame, and gone
                connection.sendall(piece)
            connection.setblocking(False)
            with suppress(BlockingIOError):
                while piece := connection.recv(65_536):
                    heard = heard[-100_000:] + piece
                    if b'"server_error"' in piece:
                        raise AssertionError(piece)
                raise ConnectionAbortedError
            connection.settimeout(20)
        except OSError:
            connection.close()
            sockets[place] = None
    for each in sockets:
        if each is not None:
            each.close()
    return heard


def open_fast(server: Server, interview_id: str) -> socket.socket:
    """A socket, as soon as the places of those that were closed are free."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return open_socket(server, interview_id)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def read_latency(server: Server) -> float:
    """The median time of an answer in an interview of another key, in milliseconds."""
    times = []
    with server.client(OTHER_KEY) as client:
        interview_id = create_interview(client, duration=240)
        question = read_interview(client, interview_id)["current_question"]
        for _ in range(15):
            began = time.perf_counter()
            question = submit(client, interview_id, question["id"], "I don't know.").json()["data"][
                "next_question"
            ]
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def test_sockets_that_break_every_rule_harm_no_interview_and_leave_no_memory(
    start_server: StartServer,
) -> None:
    server = start_server(INTERVIEWER_LOG_LEVEL="warning")
    chance = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    with server.client() as client, server.client(OTHER_KEY) as other, ExitStack() as stack:
        interviews = [create_interview(client) for _ in range(SOCKETS)]
        watched = create_interview(other)
        bystander = stack.enter_context(connect(f"{server.socket_url}/{watched}?token={OTHER_KEY}"))
        question = json.loads(bystander.recv(timeout=10))
        throw(server, interviews, chance, 200)  # so that what is made once is there before the memory is read
        before, latency = read_memory(server), read_latency(server)
        heard = throw(server, interviews, chance, FRAMES)
        assert b'"error"' in heard
        bystander.send(frame("request_next"))
        assert json.loads(bystander.recv(timeout=10)) == question
        for interview_id in interviews:
            read_interview(client, interview_id)
        with connect(f"{server.socket_url}/{create_interview(client)}?token={KEY}") as fresh:
            assert json.loads(fresh.recv(timeout=10))["type"] == "question"
    wait_until(lambda: read_memory(server) - before < 24, 60)
    figures = f"{before:.0f} MB before, {read_memory(server):.0f} after; an answer {latency:.1f} ms before"
    print(f"\nseed {SEED}, {FRAMES} frames: {figures}, {read_latency(server):.1f} after")  # noqa: T201
    expect_no_fault(server)
    assert "Traceback" not in server.log


@pytest.mark.parametrize("last", [encode(CLOSE, b"\x03\xe8"), encode(3)], ids=["close", "no frame"])
@pytest.mark.parametrize(
    "message",
    [encode(TEXT, b"\xff"), encode(TEXT, b"", first=0) + encode(0, b"", first=0) * 1_500],
    ids=["no UTF-8", "fragments"],
)
def test_a_bad_message_right_before_the_end_is_no_fault(
    server: Server, client: httpx.Client, message: bytes, last: bytes
) -> None:
    with open_socket(server, create_interview(client)) as connection:
        connection.sendall(message + last)
        read_rest(connection)
    create_interview(client)
    expect_no_fault(server)
