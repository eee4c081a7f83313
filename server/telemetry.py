"""OpenTelemetry traces, if a collector is named; needs the extra `telemetry`."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from server.settings import SettingsError

SERVICE = "emotion-component"


def install(app: FastAPI, endpoint: str) -> Callable[[], None]:
    """Sends a span for each request to an OpenTelemetry collector.

    Spans hold methods, routes, statuses and times; never a body.

    Args:
        app: The application.
        endpoint: Base URL of the collector's OTLP over HTTP, such as http://localhost:4318.

    Returns:
        What sends the spans that are left, to be called at the end.

    Raises:
        SettingsError: If OpenTelemetry is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            f"telemetry.otlp_endpoint: needs {error.name}; install emotion-component[telemetry] "
            "or unset it"
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    app.add_middleware(
        OpenTelemetryMiddleware, tracer_provider=provider, exclude_spans=["receive", "send"]
    )
    return provider.shutdown
