"""Connections: what is no request is refused in the envelope, and no client keeps the others waiting."""

import json
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import pytest
from hostile import (
    HEADERS,
    OFFER,
    exchange,
    expect_no_fault,
    open_raw,
    post,
    read_memory,
    read_one_response,
    read_response,
    read_rest,
    send,
)
from serving import KEY, Server, create_interview

StartServer = Callable[..., Server]

START = b"POST /api/v1/interviews HTTP/1.1\r\n" + HEADERS + b"Content-Type: application/json\r\n"
SOCKET = b"/api/v1/ws/interviews/x"


@pytest.fixture(scope="module", autouse=True)
def no_fault(server: Server) -> object:
    """After all of it the server is alive and has had no fault of its own."""
    yield None
    assert httpx.get(server.url + "/healthz").status_code == 200
    expect_no_fault(server)


REFUSED = {
    "no HTTP": (400, b"\x00\x01\x02\r\n\r\n"),
    "TLS": (400, bytes.fromhex("16030102000100") + b"x" * 99 + b"\r\n\r\n"),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "an unknown method": (400, b"SING /healthz HTTP/1.1\r\nHost: test\r\n\r\n"),
    "no host": (400, b"GET /healthz HTTP/1.1\r\n\r\n"),
    "two hosts": (400, b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "a bad host": (400, b"GET /healthz HTTP/1.1\r\nHost: a b/c\r\n\r\n"),
    "a proxy's request": (405, b"CONNECT example.org:443 HTTP/1.1\r\nHost: test\r\n\r\n"),
    "a folded header": (400, b"GET /healthz HTTP/1.1\r\nHost: test\r\nX-A: b\r\n c\r\n\r\n"),
    "a header name that is no ASCII": (400, b"GET /healthz HTTP/1.1\r\nHost: test\r\nX-\xff: a\r\n\r\n"),
    "a header with NUL": (400, b"GET /healthz HTTP/1.1\r\nHost: test\r\nX-A: a\x00\r\n\r\n"),
    "a path that is no ASCII": (400, b"GET /\xff HTTP/1.1\r\nHost: test\r\n\r\n"),
    "two lengths": (400, START + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a length and chunks": (
        400,
        START + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    "a negative length": (400, START + b"Content-Length: -2\r\n\r\n{}"),
    "an endless length": (400, START + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}"),
    "a length beyond the limit": (413, START + b"Content-Length: 9999999999\r\n\r\n{}"),
    "chunks beyond the limit": (
        413,
        START + b"Transfer-Encoding: chunked\r\n\r\n" + (b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n") * 40,
    ),
    "a broken chunk": (400, START + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n"),
    "an unknown transfer coding": (400, START + b"Transfer-Encoding: gzip\r\n\r\n{}"),
    "a huge header": (431, b"GET / HTTP/1.1\r\nHost: test\r\nX-A: " + b"a" * 1_000_000 + b"\r\n\r\n"),
    "many headers": (431, b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X-A: a\r\n" * 200 + b"\r\n"),
    "a huge path": (431, b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n"),
    "endless trailers": (
        431,
        START + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: " + b"a" * 600_000,
    ),
    "a body said to be packed": (400, post(b"\x1f\x8b\x08junk", b"Content-Encoding: gzip")),
    "an odd expectation": (400, post(b"{}", b"Expect: tea")),
    "an odd content type": (
        400,
        START + b"Content-Type: \xff;=\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    ),
    "a key that is no ASCII": (400, post(b'{"job_role": "x"}', b"Idempotency-Key: \xff")),
    "a socket over POST": (405, b"POST " + SOCKET + b" HTTP/1.1\r\n" + HEADERS + OFFER + b"\r\n"),
    "a socket without a key": (
        400,
        b"GET " + SOCKET + b" HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ),
    "a socket of another version": (
        400,
        b"GET " + SOCKET + b" HTTP/1.1\r\nHost: test\r\n" + OFFER.replace(b"13", b"99") + b"\r\n",
    ),
    "a socket with a body": (
        400,
        b"GET " + SOCKET + b" HTTP/1.1\r\n" + HEADERS + OFFER + b"Content-Length: 5\r\n\r\nabcde",
    ),
    "a socket with a long header": (
        431,
        b"GET " + SOCKET + b" HTTP/1.1\r\n" + HEADERS + OFFER + b"X-A: " + b"a" * 9000 + b"\r\n\r\n",
    ),
    "a socket with a long path": (
        414,
        b"GET " + SOCKET + b"?a=" + b"a" * 9000 + b" HTTP/1.1\r\n" + HEADERS + OFFER + b"\r\n",
    ),
    "a socket's path that is no ASCII": (
        400,
        b"GET " + SOCKET + b"\xff HTTP/1.1\r\n" + HEADERS + OFFER + b"\r\n",
    ),
    "a socket of an odd subprotocol": (
        400,
        b"GET " + SOCKET + b" HTTP/1.1\r\n" + HEADERS + OFFER + b'Sec-WebSocket-Protocol: ,;"\r\n\r\n',
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused_in_the_envelope_and_disconnected(server: Server, name: str) -> None:
    expected, data = REFUSED[name]
    received = exchange(server, data)
    status, body = read_response(received)
    assert (status, body["status"], body["error"]["code"]) == (expected, "error", "invalid_request")
    assert b"x-request-id:" in received.lower()
    assert b"connection: close" in received.lower()


BOMBS = {
    "lists": b"[" * 100_000,
    "objects": b'{"a":' * 50_000,
    "a closed pyramid": b"[" * 100_000 + b"]" * 100_000,
    "a number beyond all": b'{"job_role": "x", "duration": 1e400}',
    "a number of many digits": b'{"job_role": "x", "duration": ' + b"9" * 100_000 + b"}",
    "a large number": b'{"job_role": "x", "duration": ' + b"9" * 4_000 + b"}",
    "a large float": b'{"job_role": "x", "duration": 1e308}',
    "not a number": b'{"job_role": "x", "duration": NaN}',
    "infinity": b'{"job_role": "x", "duration": -Infinity}',
    "half a surrogate pair": b'{"job_role": "\\ud800"}',
    "half a surrogate pair as a name": b'{"\\ud800": 1}',
    "half a surrogate pair among choices": b'{"job_role": "x", "interview_type": "\\udfff"}',
    "bytes of a surrogate": b'{"job_role": "\xed\xa0\x80"}',
    "bytes that are no UTF-8": b'{"job_role": "\xff"}',
    "a NUL beside the value": b'{"job_role": "x"}\x00',
    "many names": json.dumps({str(number): 1 for number in range(20_000)}).encode(),
    "a long name": b'{"' + b"a" * 200_000 + b'": 1}',
    "many skills": b'{"job_role": "x", "skills": [' + b"1," * 100_000 + b"1]}",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("headers", [(), (b"Idempotency-Key: bomb",)], ids=["", "under a key"])
def test_a_json_bomb_is_refused_with_a_short_reason(
    server: Server, name: str, headers: tuple[bytes, ...]
) -> None:
    path = b"/api/v1/interviews"
    received = exchange(
        server,
        post(BOMBS[name], *(header + name[-9:].encode().replace(b" ", b"") for header in headers), path=path),
    )
    status, body = read_response(received)
    assert (status, body["error"]["code"]) == (400, "invalid_request")
    assert len(received) < 8_000


@pytest.mark.parametrize(
    ("body", "role"),
    [
        (b'{"job_role": "a\\u0000b"}', "a\ufffdb"),
        (b'{"job_role": "a", "job_role": "b"}', "b"),
        (b'\xef\xbb\xbf{"job_role": "a"}', "a"),
        ('{"job_role": "ä"}'.encode("utf-16"), "ä"),
    ],
    ids=["NUL", "a name given twice", "a byte order mark", "UTF-16"],
)
def test_unusual_json_that_can_be_read_is_read(server: Server, body: bytes, role: str) -> None:
    status, content = read_response(exchange(server, post(body)))
    assert (status, content["data"]["config"]["job_role"]) == (201, role)


@pytest.mark.parametrize("answer", ["%@S$A~}s&7`KVBbp", "A {0} of {part}", "%s %(x)d {} {{ }}"])
def test_what_looks_like_a_template_is_text_like_any_other(client: httpx.Client, answer: str) -> None:
    body = {"question": "\U000a04de½0", "answer": answer, "framework": "CAR"}
    response = client.post("/coaching/feedback", json=body)
    assert response.status_code == 200
    assert len(response.json()["data"]["feedback"]["framework_analysis"]) == 3


def test_a_post_that_offers_another_protocol_keeps_its_body(server: Server) -> None:
    with open_raw(server) as connection:
        offer = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"]
        send(connection, post(b'{"job_role": "Nurse"}', *offer).replace(b"Connection: close\r\n", b""))
        assert read_one_response(connection)[0] == 201
        send(connection, post(b'{"job_role": "Nurse"}'))
        assert read_response(read_rest(connection))[0] == 201


def test_garbage_behind_a_request_is_refused_after_its_response(server: Server) -> None:
    request = post(b'{"job_role": "Nurse"}').replace(b"Connection: close\r\n", b"")
    received = exchange(server, request + b"\x00garbage\r\n\r\n")
    first, _, rest = received.partition(b"HTTP/1.1 400")
    assert first.startswith(b"HTTP/1.1 201")
    assert b"invalid_request" in rest


def test_headers_that_never_come_are_waited_for_no_longer_than_the_setting_says(
    start_server: StartServer,
) -> None:
    server = start_server(INTERVIEWER_REQUEST_SECONDS="1")
    with ExitStack() as stack, server.client() as client:
        silent, slow, kept = (stack.enter_context(open_raw(server)) for _ in range(3))
        send(kept, b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        began = time.monotonic()
        try:
            for byte in b"GET /healthz HTTP/1.1\r\nHost: test\r\nX-A: " + b"a" * 500:
                slow.sendall(bytes([byte]))
                time.sleep(0.02)
        except OSError:
            pass
        assert time.monotonic() - began < 10
        assert b"408" in read_rest(slow)[:20]
        assert read_rest(silent) == b""
        assert read_rest(kept).startswith(b"HTTP/1.1 200")
        create_interview(client)
    expect_no_fault(server)


def test_a_body_nobody_waits_for_does_not_keep_its_connection(start_server: StartServer) -> None:
    server = start_server()
    with open_raw(server) as connection:
        connection.settimeout(0.05)
        request = START.replace(KEY.encode(), b"wrong-key-0123456789") + b"Transfer-Encoding: chunked\r\n\r\n"
        send(connection, request)
        began = time.monotonic()
        received = b""
        while time.monotonic() - began < 15:
            send(connection, b"1\r\nx\r\n")
            try:
                received += (piece := connection.recv(65_536))
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
            if not piece:
                break
        else:
            pytest.fail("the connection is still open")
    assert received.startswith(b"HTTP/1.1 401")


def test_idle_connections_make_room_for_the_next_client(start_server: StartServer) -> None:
    server = start_server()
    assert server.process is not None
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (164, 4096))
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(open_raw(server))
        for _ in range(5):
            with server.client() as client:
                create_interview(client)
    expect_no_fault(server)


def test_endless_headers_take_no_memory(start_server: StartServer) -> None:
    server = start_server()
    with server.client() as client:
        create_interview(client)
    before = read_memory(server)
    for _ in range(20):
        exchange(server, b"GET / HTTP/1.1\r\nHost: test\r\nX-A: " + b"a" * 10_000_000)
    assert read_memory(server) - before < 30
