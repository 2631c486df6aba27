"""What describes the API to programs: an OpenAPI document of the requests, an AsyncAPI one of the socket.

Both are made from the models that the server itself uses. Their examples were recorded from a real server,
by `make examples`.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.json_schema import models_json_schema

from api.route import LONGEST_IDEMPOTENCY_KEY
from api.schemas import ErrorBody, QuestionData
from api.ws import (
    AnswerMessage,
    DeltaMessage,
    EndedMessage,
    FeedbackMessage,
    RequestNextMessage,
    ThinkingMessage,
    TypingMessage,
)

EXAMPLES = Path(__file__).with_name("examples.json")
PREFIX = "/api/v1"
JSON = "application/json"

REQUESTS = """\
Interviews with an agent that asks, grades and follows up; coaching on answers; practice questions.

Each request carries an API key as `Authorization: Bearer KEY`, and each response has one of two envelopes:
`{"status": "success", "data": {…}}`, or `{"status": "error", "error": {"code", "message", "details"}}`.

Sending the same answer again is safe, and so is any POST under an `Idempotency-Key`: the stored result comes
back. After a 429 wait for `Retry-After` seconds; after a 500 whose `details.retryable` is true, or no
response at all, send the same again.

The interview is also held live over `/api/v1/ws/interviews/{interview_id}?token={api_key}`, which
`/asyncapi.json` describes."""

SOCKET = """\
An interview held live. On connect the server says where things stand: the open `question`, or
`interview_ended` and close 1000. An `answer` is followed by `thinking`, `feedback`, the next `question` or
`interview_ended`, and `thinking` with false. All sockets of one interview see the same events, also those
that requests cause.

The server closes with 1000 once the interview is over, 1008 when the key is revoked, 1012 when it restarts,
and 1013 when a client leaves too much unread. After 1012, 1013 or a lost connection connect again, and send
the last answer again with its `question_id` if its `feedback` did not come: it is never graded twice. A
socket is refused before the handshake completes, with the HTTP status and the error envelope as the body:
401, 403, 404 or 429."""

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A request under a key happens once; its response is kept for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_IDEMPOTENCY_KEY, "pattern": "^[ -~]+$"},
}

# Every message by its `type`: what its `data` is, and what it is for.
FROM_CLIENT: dict[str, tuple[type[BaseModel], str]] = {
    "answer": (AnswerMessage, "Answer a question; without `question_id`, the one that was shown."),
    "request_next": (RequestNextMessage, "Have the open question sent again; it never skips."),
    "typing": (TypingMessage, "Say whether the candidate is typing; there is no reply."),
}
FROM_SERVER: dict[str, tuple[type[BaseModel], str]] = {
    "question": (QuestionData, "The open question; after a reconnect it is sent again."),
    "thinking": (ThinkingMessage, "The interviewer begins to prepare something, or nothing more is coming."),
    "feedback": (FeedbackMessage, "The grade of an answer, which is stored by now."),
    "feedback_delta": (DeltaMessage, "A piece of feedback while it is written; `feedback` follows with all."),
    "interview_ended": (EndedMessage, "The interview is over; the server then closes with 1000."),
    "error": (ErrorBody, "A message was refused or failed; the socket stays open."),
}


def describe_requests(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with recorded examples and without the 422 that this API never returns."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=REQUESTS)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            recorded = read_examples()["requests"].get(f"{method.upper()} {path.removeprefix(PREFIX)}", {})
            _add_examples(operation, recorded)
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document


def describe_socket() -> dict[str, Any]:
    """The AsyncAPI document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "AI Interviewer Agent, live", "version": "1", "description": SOCKET},
        "defaultContentType": JSON,
        "channels": {
            "interview": {
                "address": PREFIX + "/ws/interviews/{interview_id}",
                "title": "One interview",
                "parameters": {"interview_id": {"description": "The id that creating it returned."}},
                "messages": {
                    kind: {"$ref": f"#/components/messages/{kind}"} for kind in FROM_CLIENT | FROM_SERVER
                },
                "bindings": {"ws": {"method": "GET", "query": _describe_query(), "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "hear": _describe_direction("receive", "What a client sends.", FROM_CLIENT),
            "tell": _describe_direction("send", "What the server sends.", FROM_SERVER),
        },
        "components": {
            "messages": {
                kind: _describe_message(kind, summary)
                for kind, (_, summary) in (FROM_CLIENT | FROM_SERVER).items()
            },
            "schemas": _describe_schemas(),
            "securitySchemes": {
                "api_key": {
                    "type": "httpApiKey",
                    "name": "token",
                    "in": "query",
                    "description": "An API key; clients that can set headers may send it as one.",
                }
            },
        },
    }


@cache
def read_examples() -> dict[str, dict[str, Any]]:
    """Recorded `requests` by method and path, and socket `messages` by type."""
    examples: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text())
    return examples


def _add_examples(operation: dict[str, Any], recorded: Mapping[str, Any]) -> None:
    if "requestBody" in operation:
        operation["requestBody"]["content"][JSON]["examples"] = _name_examples(recorded.get("request", {}))
    for status, examples in recorded.get("responses", {}).items():
        operation["responses"][status]["content"][JSON]["examples"] = _name_examples(examples)


def _name_examples(examples: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"summary": name.replace("_", " ").capitalize(), "value": value}
        for name, value in examples.items()
    }


def _describe_query() -> dict[str, Any]:
    token = {"type": "string", "description": "An API key."}
    stream = {"type": "string", "enum": ["true"], "description": "Asks for `feedback_delta` messages."}
    return {"type": "object", "properties": {"token": token, "stream": stream}}


def _describe_direction(action: str, summary: str, kinds: Iterable[str]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/interview"},
        "messages": [{"$ref": f"#/channels/interview/messages/{kind}"} for kind in kinds],
        "security": [{"$ref": "#/components/securitySchemes/api_key"}],
    }


def _describe_message(kind: str, summary: str) -> dict[str, Any]:
    recorded = read_examples()["messages"].get(kind, {})
    return {
        "name": kind,
        "title": kind,
        "summary": summary,
        "contentType": JSON,
        "payload": {"$ref": f"#/components/schemas/{kind}"},
        "examples": [{"name": name, "payload": value} for name, value in recorded.items()],
    }


def _describe_schemas() -> dict[str, Any]:
    """The schema of each message under its type, of what they hold, and of all that either side sends."""
    heard = [(_envelop(kind, data, "forbid"), "validation") for kind, (data, _) in FROM_CLIENT.items()]
    told = [(_envelop(kind, data, "ignore"), "serialization") for kind, (data, _) in FROM_SERVER.items()]
    _, collected = models_json_schema([*heard, *told], ref_template="#/components/schemas/{model}")  # type: ignore[list-item]  # the modes are literals
    schemas: dict[str, Any] = collected["$defs"]
    for name, kinds in (("FromClient", FROM_CLIENT), ("FromServer", FROM_SERVER)):
        schemas[name] = {"oneOf": [{"$ref": f"#/components/schemas/{kind}"} for kind in kinds]}
    return schemas


def _envelop(kind: str, data: type[BaseModel], extra: Literal["forbid", "ignore"]) -> type[BaseModel]:
    """The model of a whole message."""
    word: Any = Literal[kind]
    carried: Any = (data, {}) if not data.model_fields else (data, ...)
    config = ConfigDict(extra=extra)
    return create_model(kind, __config__=config, type=(word, ...), data=carried)
