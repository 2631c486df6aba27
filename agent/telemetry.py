"""Traces, for whoever switches them on; what is off costs next to nothing and loads no library.

A span tells what was done, for which interview and how long it took. No words of a candidate or of a model,
no values of a query and nothing that an exception says ever go into one.
"""

import contextvars
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from structlog.contextvars import bind_contextvars, get_contextvars

from agent.settings import SettingsError

if TYPE_CHECKING:
    from agent.spans import Spans

P = ParamSpec("P")
T = TypeVar("T")
Facts = Mapping[str, str | int]
Headers = Iterable[tuple[bytes, bytes]]

SWITCH = "OTEL_EXPORTER_OTLP_ENDPOINT"

_spans: "Spans | None" = None


class Span(Protocol):
    """What may still be said of work that is being done."""

    def add(self, fact: str, value: str | int) -> None:
        """Add a fact."""

    def rename(self, name: str) -> None:
        """Call it otherwise."""

    def fail(self, kind: str) -> None:
        """Say that it failed, and how."""


class _Untold:
    """A span that nobody hears of."""

    def add(self, fact: str, value: str | int) -> None:
        """Forget it."""

    def rename(self, name: str) -> None:
        """Forget it."""

    def fail(self, kind: str) -> None:
        """Forget it."""


UNTOLD: AbstractContextManager[Span] = nullcontext(_Untold())


def start_telemetry() -> None:
    """Send spans from now on, if OpenTelemetry's own variable names a receiver.

    Raises `SettingsError` if its libraries are not installed.
    """
    global _spans  # noqa: PLW0603 - one process sends its spans one way
    if _spans is not None or not os.environ.get(SWITCH):
        return
    try:
        from agent.spans import Spans  # noqa: PLC0415 - what is off is not loaded
    except ImportError as error:
        raise SettingsError(
            f"{SWITCH} is set, but {error.name} is not installed: run `pip install '.[telemetry]'` in the "
            "project's folder, or unset the variable"
        ) from None
    _spans = Spans()


def span(name: str, facts: Facts | None = None) -> AbstractContextManager[Span]:
    """A span around what is done inside."""
    return UNTOLD if _spans is None else _spans.open(name, facts)


def request_span(name: str, headers: Headers, facts: Facts) -> AbstractContextManager[Span]:
    """A span around a request, as part of the trace that its headers name, if they do."""
    return UNTOLD if _spans is None else _spans.open_request(name, headers, facts)


def traced(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The work with a span of its name around it."""

    @wraps(work)
    async def do(*given: P.args, **named: P.kwargs) -> T:
        with span(work.__name__):
            return await work(*given, **named)

    return do


def follow_up_context() -> contextvars.Context:
    """A context for work that follows from this one: the log's ids and the trace go on, and nothing else."""
    context = contextvars.Context()
    context.run(bind_contextvars, **get_contextvars())
    if _spans is not None:
        _spans.carry_into(context)
    return context
