"""What went wrong between us and a provider: whether trying again can help, and what a client may be told."""

from dataclasses import dataclass

import openai

from agent.openai.breaker import QUICK, SLOW

_BUSY = "The language model is not available at the moment. Trying again can help."
_LATE = "The language model did not answer in time. Trying again can help."
_GARBLED = "The language model's reply could not be read. Trying again can help."
_CUT_OFF = "The language model's reply was cut off or withheld. Trying again can help."
_NO_ACCESS = "The language model refuses this service's access; its operator has to correct that."
_NO_MODEL = (
    "The language model this service is set to does not exist there; its operator has to correct that."
)
_NO_CREDIT = "The language model refuses this service until its operator has paid for more use."
_POLICY = "The language model's provider refuses to process this text."
_REJECTED = "The language model rejects this request."

_REFUSED_SHAPES = ("response_format", "json_schema", "text.format", "structured output")
_REJECTIONS = (400, 404, 415, 422, 501)
_POLICY_CODES = ("content_filter", "content_policy_violation", "invalid_prompt")


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed call. `weight` is what it counts for the breaker, `again` whether to ask once more at once."""

    message: str
    retryable: bool = True
    weight: int = 0
    again: bool = False


def describe_fault(error: Exception) -> Fault:
    """Any exception of a call as a fault; the SDK has already repeated what it could."""
    match error:
        case openai.APITimeoutError() | TimeoutError():
            return Fault(_LATE, weight=SLOW)
        case openai.APIResponseValidationError():
            return Fault(_GARBLED, again=True)
        case openai.RateLimitError():
            return Fault(_NO_CREDIT, retryable=False) if _says(error, "insufficient_quota") else _busy()
        case openai.APIConnectionError() | openai.InternalServerError() | openai.ConflictError():
            return _busy()
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return Fault(_NO_ACCESS, retryable=False)
        case openai.NotFoundError():
            return Fault(_NO_MODEL, retryable=False)
        case openai.APIStatusError():
            return _describe_status(error)
        case openai.LengthFinishReasonError() | openai.ContentFilterFinishReasonError():
            return Fault(_CUT_OFF, again=True)
    return Fault(_GARBLED, again=True)


def may_refuse_shape(error: Exception, *, shape_is_known: bool) -> bool:
    """Whether an endpoint may have rejected a request because it knows no structured output by JSON schema.

    While no such reply has come from it, any rejected request may mean that; later it has to say so.
    """
    if not isinstance(error, openai.APIStatusError) or error.status_code not in _REJECTIONS:
        return False
    if _says(error, "model_not_found", *_POLICY_CODES):
        return False
    return _says(error, *_REFUSED_SHAPES) or not (shape_is_known or error.status_code == 404)


def _describe_status(error: openai.APIStatusError) -> Fault:
    if error.status_code >= 500 or error.status_code == 408:
        return _busy()
    if _says(error, "model_not_found"):
        return Fault(_NO_MODEL, retryable=False)
    return Fault(_POLICY if _says(error, *_POLICY_CODES) else _REJECTED, retryable=False)


def _busy() -> Fault:
    return Fault(_BUSY, weight=QUICK)


def _says(error: openai.APIError, *words: str) -> bool:
    said = f"{error.message} {error.body}".casefold()
    return any(word in said for word in words)
