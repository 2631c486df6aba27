"""Every error a client can meet, in the contract's one envelope; rendered here and nowhere else."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from agent.errors import EngineFailed
from graphs.errors import InterviewForeign, InterviewUnknown, Refused, StoreFailed

MOST_FIELDS, LONGEST_FIELD = 50, 100  # that an error tells of; the rest of a bomb is not sent back

log = structlog.get_logger()


class ApiError(Exception):
    """An error as the client sees it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: dict[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, object]:
        """The contract's `error` object, which is also the data of a socket's `error` message."""
        return {"code": self.code, "message": self.message, "details": self.details}

    def respond(self) -> JSONResponse:
        """The error as a response in the envelope."""
        return JSONResponse({"status": "error", "error": self.body}, self.status, self.headers)


def unauthenticated(message: str) -> ApiError:
    """401 with the challenge that the standard asks for."""
    return ApiError(401, "unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def rate_limited(message: str, retry_after: int) -> ApiError:
    """429; after `retry_after` seconds the next request is accepted."""
    details: dict[str, object] = {"retry_after": retry_after}
    return ApiError(429, "rate_limited", message, details, {"Retry-After": str(retry_after)})


def describe_error(error: Exception, request_id: str) -> ApiError:
    """Any exception as the error that the client sees; what nobody foresaw is logged and shows nothing."""
    match error:
        case ApiError():
            return error
        case InterviewUnknown():
            return ApiError(404, "not_found", str(error), error.details)
        case InterviewForeign():
            return ApiError(403, "unauthorized", str(error), error.details)
        case Refused():
            return ApiError(400, "invalid_request", str(error), error.details)
        case RequestValidationError():
            return describe_invalid(error.errors())
        case HTTPException():
            return _describe_http(error)
        case EngineFailed():
            return _failed(str(error), request_id, retryable=error.retryable)
        case StoreFailed():
            return _failed(str(error), request_id, retryable=error.retryable)
    log.error("unexpected_error", kind=type(error).__name__, exc_info=error)
    return _failed("An unexpected error occurred on the server.", request_id, retryable=True)


def _failed(message: str, request_id: str, *, retryable: bool) -> ApiError:
    return ApiError(500, "server_error", message, {"request_id": request_id, "retryable": retryable})


def describe_invalid(problems: Iterable[Any]) -> ApiError:
    """What pydantic found wrong with a client's message, field by field."""
    told = islice(problems, MOST_FIELDS)
    fields = [{"field": _name_field(_place(problem)), "reason": _reason(problem)} for problem in told]
    named = ", ".join(f"{field['field']}: {field['reason']}" for field in fields[:3])
    return ApiError(400, "invalid_request", f"The request is not valid. {named}", {"fields": fields})


def _place(problem: dict[str, Any]) -> tuple[int | str, ...]:
    return () if problem["type"] == "json_invalid" else tuple(problem["loc"])


def _name_field(place: tuple[int | str, ...]) -> str:
    """The field's name as the client wrote it; `body` where the body as a whole is at fault."""
    parts = [str(part) for part in place[1:]] if place[:1] == ("body",) else [str(part) for part in place]
    return ".".join(parts)[:LONGEST_FIELD] or "body"


def _reason(problem: dict[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown field"
    if problem["type"] == "missing":
        return "required"
    if problem["type"] == "json_invalid":
        return f"not valid JSON: {problem.get('ctx', {}).get('error', 'it cannot be read')}"
    if problem["type"] in ("model_attributes_type", "dict_type", "model_type"):
        return "expected a JSON object (over HTTP with Content-Type: application/json)"
    return str(problem["msg"]).removeprefix("Value error, ")


def _describe_http(error: HTTPException) -> ApiError:
    if error.status_code == 404:
        return ApiError(404, "not_found", "There is nothing at this address.")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return ApiError(
            405,
            "invalid_request",
            f"This method is not allowed here; allowed: {allowed}.",
            headers=error.headers,
        )
    if error.status_code == 400:
        return ApiError(400, "invalid_request", "The body cannot be read as JSON.", {"fields": []})
    if error.status_code < 500:
        return ApiError(error.status_code, "invalid_request", str(error.detail), headers=error.headers)
    return ApiError(error.status_code, "server_error", str(error.detail), {"retryable": False}, error.headers)
