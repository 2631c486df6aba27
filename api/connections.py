"""Connections: the server's own protocols, with bounds on what a client may hold, delay or leave unread."""

import asyncio
import math
import re
import resource
from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import uuid4

import httptools
import structlog
from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame
from websockets.http11 import Response
from websockets.server import ServerProtocol

from api.browsers import SECURITY_HEADERS
from api.errors import ApiError

MOST_HEAD_BYTES, MOST_HEADERS = 16_384, 100
MOST_CONNECTIONS, SPARE_FILES = 10_000, 64
LINGER_SECONDS = 2  # for a client to read why it is refused, while it is still sending
BYTES_AT_ONCE = 4096  # that a socket's messages are parsed from before they are dealt with
MOST_FRAGMENTS = 1024
NO_HANDSHAKE = "This is not a valid WebSocket handshake."
HOST = re.compile(rb"[\w.~!$&'()*+,;=%:\[\]-]*")

log = structlog.get_logger()


class HttpConnection(HttpToolsProtocol):
    """HTTP with an end to every wait and every size; what is no request is refused in the envelope.

    The server's `timeout_keep_alive` is the longest wait for a request's headers, on a new connection as
    well as after a response.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.waits_since: float | None = None
        self._wait: asyncio.TimerHandle | None = None
        self._in_head = False
        self._bytes_beside_body = 0
        self._refusal: ApiError | None = None
        self._lingers = False
        self._ends = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request; where places run out, who has let the server wait longest goes."""
        super().connection_made(transport)
        self._await_request()
        if len(self.connections) > _most_connections():
            waiting = {
                each: each.waits_since for each in self.connections if isinstance(each, HttpConnection)
            }
            min(waiting, key=lambda each: waiting[each] or math.inf).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless this client has been refused."""
        if self._lingers:
            return
        self._unset_keepalive_if_required()
        self._bytes_beside_body += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
                self.parser = None  # type: ignore[assignment]  # or the two would hold each other
            else:
                self._ignore_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._refusal or _invalid(400, "This is not a valid HTTP request."))
        else:
            if self._bytes_beside_body > MOST_HEAD_BYTES:
                self._refuse(_head_too_large())

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._bytes_beside_body = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are there: nothing is waited for any more, and the endpoint may begin."""
        self._in_head = False
        self._refusal = self._find_fault()
        if self._refusal:
            raise self._refusal
        self._end_wait()
        if not self._offers_other_protocol():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._bytes_beside_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        self._bytes_beside_body = 0
        if not self._offers_other_protocol():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or see off a client that still sends what nobody wants."""
        begins_next = bool(self.pipeline)
        super().on_response_complete()
        if begins_next:
            return
        self._await_request()
        if self._lingers:
            self._send_refusal()
        elif self._ends:
            self._linger()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        super()._start_asgi_task(cycle, partial(self._respond, cycle, app))

    async def _respond(
        self,
        cycle: RequestResponseCycle,
        app: ASGI3Application,
        scope: Scope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
    ) -> None:
        """Run the application; a response ahead of the request's end says that it is the last."""

        async def send_on(message: ASGISendEvent) -> None:
            if message["type"] != "http.response.start" or not cycle.more_body:
                await send(message)
                return
            self._ends = True
            await send({**message, "headers": [*message.get("headers", []), (b"connection", b"close")]})
            cycle.keep_alive = True  # or uvicorn would close at once, and the response could be lost

        await app(scope, receive, send_on)

    def _offers_other_protocol(self) -> bool:
        return bool(self.parser.should_upgrade()) and not self._should_upgrade()

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a request again without its offer of another protocol, for which its body was left out."""
        version = self.parser.get_http_version().encode()
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"".join([*head, b"\r\n", rest]))

    def _find_fault(self) -> ApiError | None:
        """What is wrong with the request before anybody looks at what it asks for."""
        if self.parser.get_method() == b"CONNECT":
            return _invalid(405, "This server is no proxy.")
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if len(self.headers) > MOST_HEADERS or size > MOST_HEAD_BYTES:
            return _head_too_large()
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or not all(HOST.fullmatch(host) for host in hosts):
            return _invalid(400, "The Host header is not valid.")
        if not hosts and self.parser.get_http_version() == "1.1":
            return _invalid(400, "HTTP/1.1 requires a Host header.")
        return None

    def _await_request(self) -> None:
        self._end_wait()
        self.waits_since = self.loop.time()
        self._wait = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _end_wait(self) -> None:
        self.waits_since = None
        if self._wait is not None:
            self._wait.cancel()

    def _give_up(self) -> None:
        """End the wait for a request; where one has begun, its client is told."""
        if self._in_head and not self._lingers and not self.transport.is_closing():
            fact = f"The headers did not arrive within {self.timeout_keep_alive} seconds."
            self._refuse(_invalid(408, fact))
        else:
            self.transport.abort()

    def _refuse(self, error: ApiError) -> None:
        """Take in nothing more, and say why once the responses to earlier requests are on their way."""
        self._refusal, self._lingers = error, True
        if self.cycle is not None and not self.cycle.response_complete:
            if not self.cycle.more_body:
                return
            if self.pipeline:  # the request at fault waits for its turn, which it will not get
                self.pipeline.popleft()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._send_refusal()

    def _send_refusal(self) -> None:
        if self._refusal is not None and not self.transport.is_closing():
            log.info("connection_refused", status=self._refusal.status, reason=self._refusal.message)
            self.transport.write(_render(self._refusal, self.server_state.default_headers))
            self._linger()

    def _linger(self) -> None:
        """Say no more, and drop what still comes for a moment: closed at once, the response could be lost."""
        self._lingers = True
        self._end_wait()
        self._wait = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        if not self.transport.is_closing():
            self.transport.write_eof()


class SocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket that takes in no more than is dealt with, and nothing from a client that does not read."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = Handshake(max_size=config.ws_max_size, logger=self.logger)
        self._arrived = bytearray()

    def data_received(self, data: bytes) -> None:
        """Parse what came: the handshake, and then as much as there is room for."""
        if self.handshake_initiated:
            self._arrived += data
            self._parse()
            return
        super().data_received(data)
        if not self.handshake_initiated:  # it is no handshake, which the application will not hear of
            refusal = b"".join(self.conn.data_to_send())
            self.transport.write(refusal or self.conn.reject(400, NO_HANDSHAKE).serialize())
            self.transport.close()

    async def receive(self) -> ASGIReceiveEvent:
        """The next event; with it there is room for more."""
        event = await super().receive()
        self._parse()
        return event

    def resume_writing(self) -> None:
        """The client reads again, so it is read from again."""
        super().resume_writing()
        self._parse()

    def handle_cont(self, event: Frame) -> None:
        """A fragment of a message, which must not come in too many."""
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")

    def send_receive_event_to_app(self) -> None:
        """A message is complete, and text must be UTF-8, which is no matter for an exception."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self._fail(CloseCode.INVALID_DATA, "not UTF-8")
        else:
            super().send_receive_event_to_app()

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Close, unless that has begun."""
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def _parse(self) -> None:
        """Parse bit by bit, since what is parsed ahead waits in memory as messages."""
        while self._arrived and self._has_room():
            piece = bytes(self._arrived[:BYTES_AT_ONCE])
            del self._arrived[:BYTES_AT_ONCE]
            super().data_received(piece)
        if self.transport.is_closing():
            self._arrived.clear()
        elif self._arrived:
            self.transport.pause_reading()
        elif not self.read_paused:
            self.transport.resume_reading()

    def _has_room(self) -> bool:
        return self.writable.is_set() and not self.read_paused and not self.transport.is_closing()


class Handshake(ServerProtocol):
    """The protocol, whose refusals of a handshake come in the envelope."""

    def reject(self, status: int, text: str) -> Response:
        """The refusal as a response."""
        refusal = super().reject(status, text)
        refusal.body = bytes(_invalid(refusal.status_code, text.strip()).respond().body)
        refusal.headers = Headers([*_describe_body(refusal.body), ("Connection", "close")])
        return refusal


class Unread:
    """Cuts off clients that take nothing of what is sent to them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._stuck: dict[asyncio.Transport, tuple[int, float]] = {}

    def check(self, transports: Iterable[asyncio.Transport], now: float) -> None:
        """Note how much each client has left unread, and abort those who took nothing for too long."""
        stuck = {}
        for transport in transports:
            unread = transport.get_write_buffer_size()
            before, since = self._stuck.get(transport, (0, now))
            if unread:
                stuck[transport] = (unread, since if unread >= before > 0 else now)
        self._stuck = stuck
        for transport, (_, since) in stuck.items():
            if now - since >= self._seconds:
                transport.abort()


def _most_connections() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(MOST_CONNECTIONS, files - SPARE_FILES))


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _head_too_large() -> ApiError:
    return _invalid(431, f"At most {MOST_HEADERS} headers and {MOST_HEAD_BYTES} bytes of them are accepted.")


def _invalid(status: int, fact: str) -> ApiError:
    return ApiError(status, "invalid_request", fact)


def _describe_body(body: bytes) -> list[tuple[str, str]]:
    return [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("X-Request-ID", uuid4().hex),
        ("Cache-Control", "no-store"),
        *SECURITY_HEADERS.items(),
    ]


def _render(error: ApiError, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The error as the bytes of a response, after which the connection ends."""
    body = bytes(error.respond().body)
    own = [(name.lower().encode(), value.encode()) for name, value in _describe_body(body)]
    lines = [b"%s: %s\r\n" % header for header in (*headers, *own, (b"connection", b"close"))]
    return b"".join([STATUS_LINE[error.status], *lines, b"\r\n", body])
