"""Clients that break the rules: bytes as no library would send them, and what comes back."""

import base64
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from serving import KEY, Server

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HEADERS = f"Host: test\r\nAuthorization: Bearer {KEY}\r\n".encode()
OFFER = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    + base64.b64encode(b"0123456789abcdef")
    + b"\r\n"
)


def open_raw(server: Server) -> socket.socket:
    """A connection to the server, nothing said yet."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def send(connection: socket.socket, data: bytes) -> None:
    """Send as far as the server takes it."""
    try:
        connection.sendall(data)
    except OSError:
        return


def read_rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes; fails if it does not."""
    received = b""
    while True:
        try:
            piece = connection.recv(65_536)
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece


def read_one_response(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """The status and the JSON body of the next response, whose connection may stay open."""
    received = b""
    while True:
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if length and len(body) >= int(length[1]):
            return read_response(received)
        piece = connection.recv(65_536)
        assert piece, received
        received += piece


def exchange(server: Server, data: bytes) -> bytes:
    """All that comes in response to these bytes, until the server closes."""
    with open_raw(server) as connection:
        send(connection, data)
        return read_rest(connection)


def post(body: bytes, *headers: bytes, path: bytes = b"/api/v1/interviews") -> bytes:
    """A request with a body, after whose response the connection ends."""
    lines = [
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
        *headers,
    ]
    return b"POST " + path + b" HTTP/1.1\r\n" + HEADERS + b"\r\n".join(lines) + b"\r\n\r\n" + body


def read_response(received: bytes) -> tuple[int, dict[str, Any]]:
    """The status and the JSON body of the one response in these bytes."""
    head, _, body = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), received[:200]
    content: dict[str, Any] = json.loads(body)
    return int(head.split(maxsplit=2)[1]), content


def open_socket(
    server: Server, interview_id: str, key: str = KEY, buffer: int | None = None
) -> socket.socket:
    """A socket of an interview as a plain connection; with a `buffer`, one that can hold little unread.

    Raises `OSError` if it is refused.
    """
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", server.port))
    target = f"/api/v1/ws/interviews/{interview_id}?token={key}".encode()
    connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: test\r\n" + OFFER + b"\r\n")
    received = connection.recv(12)
    if received != b"HTTP/1.1 101":
        connection.close()
        raise ConnectionRefusedError(received)
    return connection


def encode(opcode: int, payload: bytes = b"", *, first: int = 0x80, mask: bytes = b"\x00" * 4) -> bytes:
    """A frame; `first` is FIN and the reserved bits, and without a `mask` it is not masked."""
    size, masked = len(payload), 0x80 if mask else 0
    if size < 126:
        length = bytes([masked | size])
    elif size < 65_536:
        length = bytes([masked | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([masked | 127]) + size.to_bytes(8, "big")
    if mask.strip(b"\x00"):
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes([first | opcode]) + length + mask + payload


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read_memory(server: Server) -> float:
    """The resident memory of the server's process, in MB."""
    assert server.process is not None
    pid = str(server.process.pid)
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", pid])) / 1024


def read_scale(name: str, default: int) -> int:
    """How much of something a test does: more in `make soak`."""
    return int(os.environ.get(name, default))


def expect_no_fault(server: Server) -> None:
    """The server has logged no error, no traceback and no 5xx."""
    for line in server.log.splitlines():
        entry = json.loads(line)
        assert entry["level"] not in ("error", "critical"), line[:2000]
        assert "exception" not in entry, line[:2000]
        assert int(entry.get("status", 0)) < 500, line[:2000]
