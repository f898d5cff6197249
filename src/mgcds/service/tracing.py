"""Traces for OpenTelemetry, if they are asked for: one span a request, one a step. Names and numbers of ours only."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_tracer: Any = None


class TracingError(Exception):
    """Traces are asked for and cannot be made."""


def is_asked_for(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a collector is named, and tracing not disabled, by OpenTelemetry's own variables."""
    return any(environment.get(name) for name in ENDPOINTS) and environment.get("OTEL_SDK_DISABLED", "").lower() != "true"


def check() -> None:
    """Raises TracingError where traces are asked for and the extra is not installed."""
    if is_asked_for():
        try:
            import opentelemetry.exporter.otlp.proto.http.trace_exporter
            import opentelemetry.sdk.trace  # noqa: F401
        except ImportError:
            raise TracingError(f"{ENDPOINTS[0]} asks for traces; install mgcds[otel], or unset it") from None


def start() -> Callable[[], None]:
    """Sends spans to the collector of the environment, from a thread of its own; gives what ends it. After any fork."""
    if not is_asked_for():
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "mgcds")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider.get_tracer("mgcds"))
    return provider.shutdown


def use(tracer: Any) -> None:
    """Makes spans with a tracer from now on; None: no more."""
    global _tracer
    _tracer = tracer


@contextmanager
def root(parent: str, attributes: Mapping[str, str]) -> Iterator[Callable[[str, Mapping[str, str | int]], None]]:
    """The span of a request; gives what names it and sets its attributes at the end. `parent`: a traceparent header, or ""."""
    if _tracer is None:
        yield lambda _, __: None
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    # Of a caller's headers only the four numbers of traceparent: tracestate and baggage may hold anything.
    carrier = {"traceparent": parent} if _PARENT.fullmatch(parent) else {}
    context = TraceContextTextMapPropagator().extract(carrier)
    with _tracer.start_as_current_span(
        "request", context=context, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
    ) as span:
        span.set_attributes(attributes)

        def end(name: str, more: Mapping[str, str | int]) -> None:
            span.update_name(name)
            span.set_attributes(more)
            if int(more.get("http.response.status_code", 0)) >= 500:
                span.set_status(Status(StatusCode.ERROR))

        yield end


@contextmanager
def child(name: str) -> Iterator[None]:
    """The span of a step. An exception marks nothing on it: its text could be a patient's."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False):
        yield
