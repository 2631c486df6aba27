"""The application: what is mounted where, and what surrounds every request."""

import re
import time
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from api import rest, ws
from api.errors import describe_error
from api.route import LONGEST_IDEMPOTENCY_KEY
from api.services import Services
from graphs.errors import StoreFailed

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
REQUESTS = Counter("interviewer_http_requests", "HTTP requests by status.", ["method", "status"])
SECONDS = Histogram("interviewer_http_request_seconds", "Seconds until the response began.", ["method"])

DESCRIPTION = (
    "Interviews with an agent that asks, grades and follows up; coaching on answers; practice questions. "
    "Sending the same answer again is safe, and so is any POST under an `Idempotency-Key`: the stored result "
    "comes back. The interview is also held live over "
    "`/api/v1/ws/interviews/{interview_id}?token={api_key}`."
)
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A request under a key happens once; its response is kept for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_IDEMPOTENCY_KEY, "pattern": "^[ -~]+$"},
}

log = structlog.get_logger()


def create_app(services: Services) -> FastAPI:
    """The application on these services."""
    app = FastAPI(
        title="AI Interviewer Agent", version="1", docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.services = services
    app.include_router(rest.router, prefix="/api/v1")
    app.include_router(ws.router, prefix="/api/v1")
    for path, report in (("/healthz", report_alive), ("/readyz", report_ready), ("/metrics", report_metrics)):
        app.add_api_route(path, report, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_websocket_route("/{path:path}", refuse_socket)
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, respond_to_error)
    app.add_middleware(RequestSurroundings)
    app.openapi = lambda: describe_api(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


async def report_alive() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "alive"})


async def report_ready(request: Request) -> JSONResponse:
    """The server can serve: its database answers."""
    services: Services = request.app.state.services
    try:
        await services.records.check()
    except StoreFailed as error:
        return JSONResponse({"status": "unavailable", "reason": str(error)}, 503)
    return JSONResponse({"status": "ready", "database": "ready", "engine": services.settings.model})


async def report_metrics() -> Response:
    """What was counted, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def refuse_socket(websocket: WebSocket) -> None:
    """A socket at an address that has none is refused like any other request."""
    unknown = describe_error(HTTPException(404), websocket.state.request_id)
    await websocket.send_denial_response(unknown.respond())


async def respond_to_error(request: Request, error: Exception) -> JSONResponse:
    """The contract's envelope for what the framework raises itself."""
    return describe_error(error, request.state.request_id).respond()


def describe_api(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, without the 422 that this API never returns."""
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, routes=app.routes, description=DESCRIPTION
        )
        for path in document["paths"].values():
            for method, operation in path.items():
                operation["responses"].pop("422", None)
                if method == "post":
                    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


class RequestSurroundings:
    """Gives each request its id and a line in the log, and turns what nobody caught into the envelope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _read_request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in (
                "http.response.start",
                "websocket.http.response.start",
                "websocket.accept",
            ):
                status = message.get("status", 101)
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if status:
                log.exception("response_broken_off", request_id=request_id)
            else:
                await describe_error(error, request_id).respond()(scope, receive, send_with_id)
        _log_request(scope, request_id, status, time.perf_counter() - began)


def _read_request_id(scope: Scope) -> str:
    sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return sent if SANE_REQUEST_ID.fullmatch(sent) else uuid4().hex


def _log_request(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    """The path is logged without its query, which may carry a key."""
    method = scope.get("method", "WS")
    REQUESTS.labels(method, status).inc()
    if method != "WS":
        SECONDS.labels(method).observe(seconds)
    log.info(
        "request",
        request_id=request_id,
        method=method,
        path=scope["path"],
        status=status,
        ms=round(seconds * 1e3),
    )
