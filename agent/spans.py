"""Spans over OpenTelemetry, sent as OTLP over HTTP; loaded only where tracing is switched on.

Where they go, how many are kept and what the service is called is read from OpenTelemetry's own variables.
"""

import contextvars
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from agent.telemetry import UNTOLD, Facts, Headers, Span

CARRIERS = (b"traceparent", b"tracestate")


class OpenSpan:
    """A span as this program sees it."""

    def __init__(self, span: trace.Span) -> None:
        self.add = span.set_attribute
        self.rename = span.update_name
        self._set_status = span.set_status

    def fail(self, kind: str) -> None:
        """Say that it failed, and how."""
        self.add("error.type", kind)
        self._set_status(StatusCode.ERROR)


class Spans:
    """A provider of its own, so that nothing goes out but what this program says itself."""

    def __init__(self) -> None:
        provider = TracerProvider(resource=Resource.create(_name_service()))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = provider.get_tracer("interviewer")

    def open(self, name: str, facts: Facts | None) -> AbstractContextManager[Span]:
        """A span below the current one. What no request began, such as a probe's read, has none."""
        if not trace.get_current_span().get_span_context().is_valid:
            return UNTOLD
        return self._open(name, SpanKind.INTERNAL, facts, None)

    def open_request(self, name: str, headers: Headers, facts: Facts) -> AbstractContextManager[Span]:
        """A span in the trace that the headers name, or at the top of a new one."""
        carried = {key.decode(): value.decode("latin-1") for key, value in headers if key in CARRIERS}
        return self._open(name, SpanKind.SERVER, facts, propagate.extract(carried, contexts.Context()))

    def carry_into(self, context: contextvars.Context) -> None:
        """Make the current span the current one of another context."""
        context.run(contexts.attach, contexts.get_current())

    @contextmanager
    def _open(
        self, name: str, kind: SpanKind, facts: Facts | None, parent: contexts.Context | None
    ) -> Iterator[OpenSpan]:
        """A span that says of a failure what it is, and nothing that it says."""
        with self._tracer.start_as_current_span(
            name, parent, kind, facts, record_exception=False, set_status_on_exception=False
        ) as span:
            told = OpenSpan(span)
            try:
                yield told
            except Exception as error:
                told.fail(type(error).__qualname__)
                raise


def _name_service() -> dict[str, str]:
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return {} if named else {"service.name": "interviewer"}
