"""What browsers are told: what our own pages may do, and which other pages may call."""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import ApiError

# Our pages stand in no frame, and have scripts, styles, images and sockets from here alone.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
TLS_ALONE = "max-age=31536000"  # seconds: a year

METHODS = ("GET", "HEAD", "POST")
SENT = ("Authorization", "Idempotency-Key", "X-Request-ID")
SHOWN = ("X-Request-ID", "Retry-After")
DEFAULT_PORTS = {"http": "80", "https": "443"}


def protect(headers: MutableHeaders, scheme: str) -> None:
    """Add what keeps browsers safe to a response's headers; a page may have said what of it may be cached."""
    headers.update(SECURITY_HEADERS)
    headers.setdefault("Cache-Control", "no-store")
    if scheme in ("https", "wss"):  # as it is spoken here, or as a trusted proxy says
        headers["Strict-Transport-Security"] = TLS_ALONE


class OriginRules(CORSMiddleware):
    """CORS for requests, and the same rule for sockets, which browsers open to any address.

    Who sends no `Origin` is no browser, and is not asked for one.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app, allow_origins=origins, allow_methods=METHODS, allow_headers=SENT, expose_headers=SHOWN
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket, or refuse it."""
        if scope["type"] == "websocket" and not self._may_open(Headers(scope=scope)):
            fact = "Pages of this origin may not open sockets; INTERVIEWER_CORS_ORIGINS lists those that may."
            await ApiError(403, "unauthorized", fact).respond()(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a browser that asks what a page may do, refused in the contract's envelope."""
        answer = super().preflight_response(request_headers)
        headers = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        if answer.status_code < 400:
            return Response(status_code=204, headers=headers)
        fact = (
            f"{bytes(answer.body).decode()}. Pages of the origins in INTERVIEWER_CORS_ORIGINS may use "
            f"{', '.join(METHODS)}, with the headers {', '.join(SENT)} and Content-Type."
        )
        return ApiError(400, "invalid_request", fact, headers=headers).respond()

    def _may_open(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        return origin is None or self.is_allowed_origin(origin) or _is_own(origin, headers.get("host", ""))


def _is_own(origin: str, host: str) -> bool:
    """Whether a page came from the address it calls; a proxy may speak TLS for us, so schemes may differ."""
    scheme, _, place = origin.partition("://")
    return bool(place) and _read_place(scheme, place) == _read_place(scheme, host)


def _read_place(scheme: str, place: str) -> tuple[str, str]:
    """Host and port of `host[:port]`, where a scheme's usual port may be left out."""
    host, colon, port = place.lower().rpartition(":")
    if not colon or port.endswith("]"):  # the last colon of an IPv6 address
        host, port = place.lower(), ""
    return host, port or DEFAULT_PORTS.get(scheme, "")
