"""A double of a model provider: a real HTTP server on the loopback that speaks OpenAI's protocols.

It knows nothing of the prompts: any JSON schema, as response format or as a tool, is answered with values
that fit it. Replies and faults can be laid down in advance, and every request is kept.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Self, cast

from provider_wire import (
    Json,
    Said,
    complete_chat,
    complete_response,
    schema_of,
    stream_chat,
    stream_response,
)


@dataclass(frozen=True)
class Canned:
    """A reply as it goes over the wire; `hangs` seconds pass first, and without a status nothing comes."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: float = 0.0


Answer = Canned | Said | Json
Reply = Json | Callable[[Json], Answer]

HANG = Canned(status=0, hangs=60)
HTML = Canned(body="<html><body>Bad gateway</body></html>", content_type="text/html")
HTML_AS_JSON = Canned(body="<html><body>Bad gateway</body></html>")
INVALID_JSON = Canned(body='{"choices": [')
EMPTY_CHOICES = Canned(body=json.dumps({"id": "c", "object": "chat.completion", "created": 0, "choices": []}))
REFUSAL = Said(refusal="I'm sorry, I can't help with that.")
CUT_OFF = Said('{"key_points": {"point_1": {"quo', finish="length")
FILTERED = Said("", finish="content_filter")
WRONG_SCHEMA = Said('{"mood": "fine"}')
PROSE = Said("I'm sorry, as an AI I can't do that.")


def failure(status: int, code: str = "", message: str = "secret-internal", **headers: str) -> Canned:
    """An error as providers send it."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": code or None}})
    return Canned(status, body, headers={name.replace("_", "-"): value for name, value in headers.items()})


BUSY = failure(429, retry_after="0.05")
BUSY_WITHOUT_HINT = failure(429)
BUSY_FOR_LONG = failure(429, retry_after="100")
BROKEN = failure(500)
WRONG_KEY = failure(401, "invalid_api_key", "Incorrect API key provided: sk-secret")
UNKNOWN_MODEL = failure(404, "model_not_found")
NO_SCHEMAS = failure(400, message="Unknown parameter: 'response_format.json_schema'")


@dataclass
class Provider:
    """The double: `script` is used up first, then `always`, then `replies` by schema, then fitting values."""

    latency: float = 0.0
    script: list[Answer] = field(default_factory=list)
    always: Answer | None = None
    replies: dict[str, Reply] = field(default_factory=dict)
    text: str = "Text {}"
    knows_schemas: bool = True
    requests: list[Json] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers = count(1)
        self.stopped = threading.Event()
        provider = self

        class Handler(_Handler):
            double = provider

        self.server = _Server(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def start(self) -> Self:
        """Serve in a thread."""
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop serving, and let go of what hangs."""
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    def asked_for(self, name: str) -> list[Json]:
        """The requests for a schema of this name."""
        return [request for request in self.requests if schema_of(request)[0] == name]

    def answer(self, request: Json) -> Answer:
        """What to reply to a request."""
        with self.lock:
            self.requests.append(request)
            if self.script:
                return self.script.pop(0)
        if self.always is not None:
            return self.always
        if not self.knows_schemas and not request.get("tools"):
            return NO_SCHEMAS
        name, schema = schema_of(request)
        chosen = self.replies.get(name)
        if chosen is None:
            return cast("Json", self.fit(schema))
        return chosen(request) if callable(chosen) else chosen

    def fit(self, schema: Json) -> object:
        """A value that fits a JSON schema; texts are numbered, so that no two are the same."""
        if "enum" in schema:
            return schema["enum"][0]
        if "anyOf" in schema:
            return self.fit(schema["anyOf"][0])
        match schema.get("type"):
            case "object":
                return {name: self.fit(part) for name, part in schema.get("properties", {}).items()}
            case "array":
                return [self.fit(schema["items"]) for _ in range(schema.get("minItems", 1))]
            case "integer" | "number":
                return schema.get("maximum", 1)
            case "boolean":
                return False
        return self.text.format(next(self.numbers))


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """The provider, running for as long as the context lasts."""
    try:
        yield provider.start()
    finally:
        provider.stop()


class _Server(ThreadingHTTPServer):
    request_queue_size = 200  # connections that may come at once
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing on the test's terminal when a client was killed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    double: Provider
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        double = self.double
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with double.lock:
            double.at_once += 1
            double.most_at_once = max(double.most_at_once, double.at_once)
        try:
            answer = double.answer(request)
            double.stopped.wait(double.latency)
            if isinstance(answer, Canned):
                self._send_canned(answer)
            else:
                self._send_reply(request, answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with double.lock:
                double.at_once -= 1

    def log_message(self, *_: object) -> None:
        """Nothing on the test's terminal."""

    def _send_canned(self, answer: Canned) -> None:
        self.double.stopped.wait(answer.hangs)
        if not answer.status:
            self.close_connection = True
            return
        self._send(answer.status, answer.content_type, answer.body.encode(), answer.headers)

    def _send(self, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send_reply(self, request: Json, answer: Said | Json) -> None:
        said = answer if isinstance(answer, Said) else Said(json.dumps(answer))
        by_responses = self.path.endswith("/responses")
        if request.get("stream"):
            events = stream_response(request, said) if by_responses else stream_chat(request, said)
            self._send_events(events)
            return
        body = complete_response(request, said) if by_responses else complete_chat(request, said)
        self._send(200, "application/json", json.dumps(body).encode(), {})

    def _send_events(self, events: Iterator[Json]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in events:
            kind = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{kind}data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
