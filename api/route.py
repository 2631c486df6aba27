"""How every request of a version is received: key, limit, size, repetition, then the endpoint."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from uuid import uuid4

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.errors import ApiError, describe_error
from api.services import Services
from graphs.records import KeptResponse

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

LONGEST_IDEMPOTENCY_KEY = 255
BODY_SECONDS = 30


class ContractRoute(APIRoute):
    """A route that knows its caller before it reads the body, and repeats a response kept under a key."""

    def get_route_handler(self) -> Handler:
        """The endpoint's handler with the contract's rules around it."""
        handle = super().get_route_handler()

        async def receive(request: Request) -> Response:
            services: Services = request.app.state.services
            try:
                request.state.owner = await services.authenticator.identify(request)
                await services.requests.count(request.state.owner)
                await _read_body(request, services.settings.max_body_bytes)
                request.state.subject = uuid4().hex
                if request.method == "POST" and "idempotency-key" in request.headers:
                    return await _repeat_or_handle(request, handle, services)
                return await handle(request)
            except Exception as error:  # noqa: BLE001 - every failure becomes the contract's envelope
                return describe_error(error, request.state.request_id).respond()

        return receive


async def _handle(request: Request, handle: Handler) -> Response:
    """The endpoint's response, or the envelope of its failure, which a key may have to keep."""
    try:
        return await handle(request)
    except Exception as error:  # noqa: BLE001 - as above
        return describe_error(error, request.state.request_id).respond()


async def _repeat_or_handle(request: Request, handle: Handler, services: Services) -> Response:
    """The response kept for this key, or the endpoint's, kept if it is final."""
    key = _check_key(request.headers["idempotency-key"])
    scope = hashlib.sha256(f"{request.state.owner} {request.url.path}".encode()).hexdigest()
    fingerprint = _fingerprint(await request.body())
    async with services.locks.hold(f"{scope} {key}"):
        kept = await services.records.keep_request(scope, key, fingerprint, request.state.subject)
        _expect_same(kept, fingerprint)
        if kept.status is not None:
            return Response(kept.body, kept.status, media_type="application/json")
        request.state.subject = kept.subject
        response = await _handle(request, handle)
        if response.status_code < 500 and response.status_code != 429:
            body = bytes(response.body).decode()
            await services.records.keep_response(scope, key, response.status_code, body)
        return response


async def _read_body(request: Request, most: int) -> None:
    """Read the body, up to the limit; the endpoint gets what was read here."""
    stated = request.headers.get("content-length", "0")
    if stated.isdigit() and int(stated) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except (ClientDisconnect, TimeoutError):
        raise ApiError(400, "invalid_request", "The body did not arrive whole.") from None
    request._body = bytes(body)  # noqa: SLF001 - where Starlette itself keeps a body that was read


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"The body is too large: at most {most} bytes are accepted.")


def _check_key(key: str) -> str:
    if not 0 < len(key) <= LONGEST_IDEMPOTENCY_KEY or not (key.isascii() and key.isprintable()):
        fact = f"Idempotency-Key: expected 1 to {LONGEST_IDEMPOTENCY_KEY} printable ASCII characters."
        raise ApiError(400, "invalid_request", fact)
    return key


def _expect_same(kept: KeptResponse, fingerprint: str) -> None:
    if kept.fingerprint != fingerprint:
        raise ApiError(400, "invalid_request", "This Idempotency-Key was used with another body.")


def _fingerprint(body: bytes) -> str:
    """The same for bodies that mean the same, whatever their spacing and order."""
    with suppress(ValueError, RecursionError):
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    return hashlib.sha256(body).hexdigest()
