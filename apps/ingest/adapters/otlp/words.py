"""OpenTelemetry's resources in words. Its events have the names that services give them."""

from apps.events.words import Kind, register

KINDS = {
    "otel.service": Kind("service", "cloud"),
    "otel.host": Kind("host", "server"),
    "otel.pod": Kind("pod", "container"),
    "otel.instance": Kind("service instance", "box"),
    "otel.trace": Kind("trace", "transfer"),
}


def register_otel() -> None:
    register({}, system="otel", title="OpenTelemetry", prefixes=["otel"], kinds=KINDS)
