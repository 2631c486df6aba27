"""The application: what is mounted where, and what surrounds every request."""

import os
import re
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from structlog.contextvars import bound_contextvars, unbind_contextvars

from agent.telemetry import UNTOLD, Span, request_span, start_telemetry
from api import rest, ws
from api.browsers import OriginRules, protect
from api.documents import describe_requests, describe_socket
from api.errors import describe_error
from api.metrics import READY, REQUESTS, SECONDS
from api.services import Services
from graphs.errors import StoreFailed

WEB = Path(__file__).with_name("web")
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
SANE_PATH = re.compile(r"[A-Za-z0-9/._-]{0,200}")
STARTS = {"http.response.start", "websocket.http.response.start", "websocket.accept"}
# The framework's own telemetry would tell addresses with their queries, and what exceptions say.
FRAMEWORK_TELLS: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
INTERVIEW = re.compile(r"/api/v1/(?:ws/)?interviews/([0-9a-f]{32})(?:/|$)")

log = structlog.get_logger()


def create_app(services: Services) -> FastAPI:
    """The application on these services. Raises `SettingsError` if it is to be traced and cannot be."""
    start_telemetry()
    app = FastAPI(
        title="AI Interviewer Agent",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=FRAMEWORK_TELLS,
    )
    app.state.services = services
    app.include_router(rest.router, prefix="/api/v1")
    app.include_router(ws.router, prefix="/api/v1")
    for path, report in (("/healthz", report_alive), ("/readyz", report_ready), ("/metrics", report_metrics)):
        app.add_api_route(path, report, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/", show_page, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/docs", show_docs, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/asyncapi.json", report_socket, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_websocket_route("/{path:path}", refuse_socket)
    app.mount("/web", PageFiles(directory=WEB))  # the last one, so that it is asked for no socket
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, respond_to_error)
    app.add_middleware(ErrorEnvelope)
    app.add_middleware(OriginRules, origins=services.settings.cors_origins)
    app.add_middleware(RequestSurroundings)  # the one added last is the outermost
    app.openapi = lambda: describe_api(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


class PageFiles(StaticFiles):
    """The page's files, which a browser asks about each time: after an upgrade, old and new do not mix."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def show_page() -> FileResponse:
    """The page, which needs no key by itself."""
    return FileResponse(WEB / "index.html", headers={"Cache-Control": "no-cache"})


async def show_docs() -> FileResponse:
    """The page that shows both documents to people."""
    return FileResponse(WEB / "docs.html", headers={"Cache-Control": "no-cache"})


async def report_socket() -> JSONResponse:
    """The AsyncAPI document."""
    return JSONResponse(describe_socket())


async def report_alive() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "alive"})


async def report_ready(request: Request) -> JSONResponse:
    """The server can serve: its database answers. While Redis is away it goes by what it knows itself."""
    services: Services = request.app.state.services
    if fault := await _find_fault(services):
        return JSONResponse({"status": "unavailable", "reason": fault}, 503)
    report = {"status": "ready", "database": "ready", "engine": services.settings.model}
    if services.redis is not None:
        is_there = await services.redis.check()
        report["redis"] = "ready" if is_there else "away"
        report["status"] = "ready" if is_there else "degraded"
    return JSONResponse(report)


async def report_metrics(request: Request) -> Response:
    """What was counted, for Prometheus, and whether the database and Redis answer at this moment."""
    services: Services = request.app.state.services
    await _find_fault(services)
    if services.redis is not None:
        await services.redis.check()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _find_fault(services: Services) -> str:
    """Why this server cannot serve; empty if it can."""
    try:
        await services.records.check()
    except StoreFailed as error:
        READY.set(0)
        return str(error)
    READY.set(1)
    return ""


async def refuse_socket(websocket: WebSocket) -> None:
    """A socket at an address that has none is refused like any other request."""
    unknown = describe_error(HTTPException(404), websocket.state.request_id)
    await websocket.send_denial_response(unknown.respond())


async def respond_to_error(request: Request, error: Exception) -> JSONResponse:
    """The contract's envelope for what the framework raises itself."""
    return describe_error(error, request.state.request_id).respond()


def describe_api(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    app.openapi_schema = app.openapi_schema or describe_requests(app)
    return app.openapi_schema


class RequestSurroundings:
    """Gives each request its id and a line in the log, and each response what keeps browsers safe."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _read_request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        names = {"request_id": request_id} | _find_interview(scope)
        unbind_contextvars("interview_id")  # a request that was sent on its heels begins within another one
        began, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] in STARTS:
                status = message.get("status", 101)
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if status >= 200:
                    protect(headers, scope["scheme"])
            await send(message)

        with bound_contextvars(**names), _open_span(scope, names) as span:
            await self._app(scope, receive, send_with_headers)
            if scope["type"] == "http":
                _finish_span(span, scope, status)
            _log_request(scope, status, time.perf_counter() - began)


class ErrorEnvelope:
    """Turns what nobody caught into the contract's envelope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        has_begun = False

        async def watch(message: Message) -> None:
            nonlocal has_begun
            await send(message)
            has_begun = has_begun or message["type"] in STARTS

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            request_id = scope["state"]["request_id"]
            if has_begun:
                log.exception("response_broken_off", request_id=request_id)
            else:
                await describe_error(error, request_id).respond()(scope, receive, send)


def _read_request_id(scope: Scope) -> str:
    sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return sent if SANE_REQUEST_ID.fullmatch(sent) else uuid4().hex


def _find_interview(scope: Scope) -> dict[str, str]:
    """The interview that the path names, if it can be one's id."""
    found = INTERVIEW.match(scope["path"])
    return {"interview_id": found[1]} if found else {}


def _open_span(scope: Scope, names: dict[str, str]) -> AbstractContextManager[Span]:
    """A span for a request of the API; a socket has one for each answer instead."""
    if scope["type"] != "http" or not scope["path"].startswith("/api/"):
        return UNTOLD
    return request_span(scope["method"], scope["headers"], names)


def _finish_span(span: Span, scope: Scope, status: int) -> None:
    """Name the span by the route, of which there are few, and never by what somebody made up."""
    method = scope["method"]
    if "route" in scope:
        route = scope["path"]
        for name, value in scope["path_params"].items():
            route = route.replace(value, f"{{{name}}}")
        span.rename(f"{method} {route}")
        span.add("http.route", route)
    span.add("http.request.method", method)
    span.add("http.response.status_code", status)
    if status >= 500:
        span.fail(str(status))


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    """The path is logged without its query, which may carry a key, and as far as it looks like one of ours:
    a client that escapes too much has its query in the path.
    """
    path = SANE_PATH.match(scope["path"])
    method = scope.get("method", "WS")
    REQUESTS.labels(method, status).inc()
    if method != "WS":
        SECONDS.labels(method).observe(seconds)
    owner = scope["state"].get("owner")
    key = {"key_id": owner} if owner else {}
    log.info(
        "request",
        **key,
        method=method,
        path=path[0] if path else "",
        status=status,
        ms=round(seconds * 1e3),
    )
