"""The application: what is mounted where, and what surrounds every request."""

import os
import re
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from api import rest, ws
from api.browsers import OriginRules, protect
from api.documents import describe_requests, describe_socket
from api.errors import describe_error
from api.services import Services
from graphs.errors import StoreFailed

WEB = Path(__file__).with_name("web")
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
SANE_PATH = re.compile(r"[A-Za-z0-9/._-]{0,200}")
STARTS = {"http.response.start", "websocket.http.response.start", "websocket.accept"}
REQUESTS = Counter("interviewer_http_requests", "HTTP requests by status.", ["method", "status"])
SECONDS = Histogram("interviewer_http_request_seconds", "Seconds until the response began.", ["method"])

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
    try:
        await services.records.check()
    except StoreFailed as error:
        return JSONResponse({"status": "unavailable", "reason": str(error)}, 503)
    report = {"status": "ready", "database": "ready", "engine": services.settings.model}
    if services.redis is not None:
        is_there = await services.redis.check()
        report["redis"] = "ready" if is_there else "away"
        report["status"] = "ready" if is_there else "degraded"
    return JSONResponse(report)


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

        await self._app(scope, receive, send_with_headers)
        _log_request(scope, request_id, status, time.perf_counter() - began)


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


def _log_request(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    """The path is logged without its query, which may carry a key, and as far as it looks like one of ours:
    a client that escapes too much has its query in the path.
    """
    path = SANE_PATH.match(scope["path"])
    method = scope.get("method", "WS")
    REQUESTS.labels(method, status).inc()
    if method != "WS":
        SECONDS.labels(method).observe(seconds)
    log.info(
        "request",
        request_id=request_id,
        method=method,
        path=path[0] if path else "",
        status=status,
        ms=round(seconds * 1e3),
    )
