"""Traces go to a real receiver when they are switched on; otherwise nothing of them is loaded."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from provider import REFUSAL, WRONG_KEY, Provider, serving
from serving import (
    KEY,
    Server,
    clean_environment,
    create_interview,
    find_free_port,
    frame,
    read_interview,
    submit,
)
from websockets.sync.client import connect

StartServer = Callable[..., Server]

ROOT = Path(__file__).parent.parent
SAID = "quokkas patched our zeppelin"
ANSWER = f"A generator yields one item at a time, and {SAID}."
WRITTEN = "sesquipedalian"  # what the model says
CALLER = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Receiver:
    """A receiver of OTLP over HTTP."""

    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    received: bytes = b""

    def __post_init__(self) -> None:
        receiver = self

        class Handler(_Handler):
            into = receiver

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """What the standard variable is set to."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        """Keep what came."""
        self.received += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            facts = {fact.key: fact.value.string_value for fact in resource.resource.attributes}
            self.services.add(facts["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def trace_of(self, name: str) -> list[Span]:
        """All spans of the trace whose first span is called so."""
        (first,) = (span for span in self.spans if span.name == name)
        return [span for span in self.spans if span.trace_id == first.trace_id]


class _Handler(BaseHTTPRequestHandler):
    into: Receiver

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.into.take(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the test's terminal."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver, for as long as the context lasts."""
    receiver = Receiver()
    threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()


@contextmanager
def tracing(start_server: StartServer, **settings: str) -> Iterator[tuple[Receiver, Provider, Server]]:
    """A server with a model that traces; once the context has ended, all of its spans are there."""
    with receiving() as receiver, serving(Provider(text=WRITTEN + " {}")) as provider:
        server = start_server(
            INTERVIEWER_MODEL="openai:test",
            OPENAI_BASE_URL=provider.url,
            OPENAI_API_KEY="sk-secret",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            **settings,
        )
        yield receiver, provider, server
        assert server.stop() == 0


def facts_of(span: Span) -> dict[str, Any]:
    """A span's attributes."""
    return {fact.key: fact.value.string_value or fact.value.int_value for fact in span.attributes}


def expect_whole(spans: list[Span], parent: bytes = b"") -> None:
    """Every span but one has its parent among them, and that one has the one given."""
    ids = {span.span_id for span in spans}
    assert [span.parent_span_id for span in spans if span.parent_span_id not in ids] == [parent]


def test_an_answer_is_one_trace_from_the_request_to_the_model_and_the_database(
    start_server: StartServer,
) -> None:
    with tracing(start_server) as (receiver, _, server), server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        response = submit(client, interview_id, "q1", ANSWER)
    answered = receiver.trace_of("POST /api/v1/interviews/{interview_id}/answers")
    expect_whole(answered)
    by_id, by_name = {span.span_id: span for span in answered}, {span.name: span for span in answered}
    nodes = {"evaluate_answer", "draft_question", "choose_next"}
    assert by_name.keys() >= nodes | {"chat test", "store write"}
    calls = [span for span in answered if span.name == "chat test"]
    assert {by_id[call.parent_span_id].name for call in calls} == {"evaluate_answer", "draft_question"}
    request = facts_of(by_name["POST /api/v1/interviews/{interview_id}/answers"])
    assert request["interview_id"] == interview_id
    assert request["request_id"] == response.headers["x-request-id"]
    assert request["http.route"] == "/api/v1/interviews/{interview_id}/answers"
    assert request["http.response.status_code"] == 200
    assert facts_of(calls[0])["gen_ai.usage.input_tokens"] > 0
    assert facts_of(by_name["store write"])["db.system.name"] == "sqlite"
    assert receiver.services == {"interviewer"}


def test_what_follows_from_a_request_stays_in_its_trace(start_server: StartServer) -> None:
    with tracing(start_server) as (receiver, provider, server), server.client() as client:
        read_interview(client, create_interview(client))
        assert provider.asked_for("interview_question")
    created = receiver.trace_of("POST /api/v1/interviews")
    expect_whole(created)
    assert {"generate_question", "chat test"} <= {span.name for span in created}


def test_every_trace_begins_with_a_request(start_server: StartServer) -> None:
    with tracing(start_server) as (receiver, _, server), server.client() as client:
        for path in ("/readyz", "/metrics", "/healthz"):
            assert httpx.get(f"{server.url}{path}").status_code == 200
        read_interview(client, create_interview(client))
    assert {span.kind for span in receiver.spans if not span.parent_span_id} == {Span.SPAN_KIND_SERVER}
    assert "/readyz" not in str(receiver.spans)


def test_a_caller_s_trace_goes_on_here(start_server: StartServer) -> None:
    parent = "b7ad6b7169203331"
    with tracing(start_server) as (receiver, _, server), server.client() as client:
        client.headers["traceparent"] = f"00-{CALLER}-{parent}-01"
        create_interview(client)
    created = receiver.trace_of("POST /api/v1/interviews")
    assert {span.trace_id.hex() for span in created} == {CALLER}
    expect_whole(created, bytes.fromhex(parent))


def test_an_answer_over_a_socket_is_a_trace_too(start_server: StartServer) -> None:
    with tracing(start_server) as (receiver, _, server), server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        with connect(f"{server.socket_url}/{interview_id}?token={KEY}") as socket:
            socket.send(frame("answer", answer=ANSWER, question_id="q1"))
            while json.loads(socket.recv(20))["type"] != "feedback":
                pass
            while json.loads(socket.recv(20))["type"] != "question":
                pass
    answered = receiver.trace_of("WS answer")
    expect_whole(answered)
    assert {"evaluate_answer", "chat test", "store write"} <= {span.name for span in answered}
    assert KEY.encode() not in receiver.received


def test_no_span_holds_what_was_said_or_a_key_also_when_all_fails(start_server: StartServer) -> None:
    with tracing(start_server) as (receiver, provider, server), server.client() as client:
        interview_id = create_interview(client)
        read_interview(client, interview_id)
        for fault in (WRONG_KEY, REFUSAL):
            provider.always = fault
            assert submit(client, interview_id, "q1", ANSWER).status_code == 500
        provider.always = None
        assert submit(client, interview_id, "q1", ANSWER).status_code == 200
        assert submit(client, interview_id, "q1", ANSWER + " Or not.").status_code == 400
        assert client.get(f"/interviews/{SAID}", params={"token": KEY}).status_code == 404
    failed = [span for span in receiver.spans if span.status.code == Status.STATUS_CODE_ERROR]
    assert {facts_of(span)["error.type"] for span in failed} >= {"500", "EngineFailed", "Unfit"}
    assert all(not span.events and not span.status.message for span in receiver.spans)
    for secret in ("quokka", "zeppelin", WRITTEN, KEY, "sk-secret", "Incorrect API key"):
        assert secret.encode() not in receiver.received


def test_a_receiver_that_is_away_costs_no_request_and_delays_no_stop(start_server: StartServer) -> None:
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{find_free_port()}")
    with server.client() as client:
        assert submit(client, create_interview(client), "q1", ANSWER).status_code == 200
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    assert SAID not in server.log


LOADED = """
import asyncio, sys
from agent.settings import load_settings
from api.app import create_app
from api.server import serve
from api.services import open_services

async def run():
    async with open_services(load_settings()) as services:
        create_app(services)

asyncio.run(run())
ours = ("agent.spans", "opentelemetry.exporter")
print(sorted(name for name in sys.modules if name.startswith(ours)))
"""
# As where the extra is not installed: FastAPI brings the API, and nothing the rest.
WITHOUT_THE_EXTRA = """
import sys

class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing)
"""


def run_python(
    code: str, folder: Path, *arguments: str, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """What a program did."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={k: v for k, v in clean_environment().items() if not k.startswith("OTEL_")}
        | {"PYTHONPATH": str(ROOT), "INTERVIEWER_API_KEYS": KEY}
        | settings,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("extra", ["", WITHOUT_THE_EXTRA])
def test_what_is_off_loads_nothing_and_needs_nothing(tmp_path: Path, extra: str) -> None:
    done = run_python(extra + LOADED, tmp_path)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_what_is_on_is_loaded(tmp_path: Path) -> None:
    done = run_python(LOADED, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert "agent.spans" in done.stdout, done.stderr


def test_without_the_extra_the_start_fails_with_what_to_do(tmp_path: Path) -> None:
    code = WITHOUT_THE_EXTRA + "from api.cli import main; main()"
    arguments = ("serve", "--port", str(find_free_port()))
    done = run_python(code, tmp_path, *arguments, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("interviewer: OTEL_EXPORTER_OTLP_ENDPOINT is set, but opentelemetry")
    assert "pip install '.[telemetry]'" in line
