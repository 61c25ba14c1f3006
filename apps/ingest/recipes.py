"""The exact lines that point a system's sender at this Eventfeed.

In a text `$ADDRESS` is this Eventfeed as the browser sees it, `$HOST` its name, `$TOKEN` the token;
where nobody needs one, lines with a token are left out, or a text of its own stands instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# What stands for the token.
MARK = "$TOKEN"
# Stands in the lines once the token itself can no longer be shown.
PLACEHOLDER = "ef_…"


@dataclass(frozen=True)
class Lines:
    """Something to paste: into a shell or a file, which the title names."""

    title: str
    text: str
    tokenless: str | None = None

    def shown(self, *, address: str, host: str, token: str | None) -> str:
        text = self.text if token else self._without_token()
        for name, value in (("$ADDRESS", address), ("$HOST", host), (MARK, token or "")):
            text = text.replace(name, value)
        return text

    def _without_token(self) -> str:
        if self.tokenless is not None:
            return self.tokenless
        return "\n".join(line for line in self.text.splitlines() if MARK not in line)


@dataclass(frozen=True)
class Recipe:
    system: str
    source: str
    """The source of what comes without a token."""
    title: str
    what: str
    """Who sends so, in half a sentence."""
    lines: Sequence[Lines]
    note: str = ""
    """What else one must know."""

    @property
    def carries_token(self) -> bool:
        return any(MARK in one.text for one in self.lines)


CLOUDEVENT = """\
curl "$ADDRESS/api/cloudevents" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/cloudevents+json" \\
  -d '{"specversion": "1.0", "id": "'$(date +%s)'", "source": "/my/shop", "type": "shop.order.paid",
       "subject": "order-42", "data": {"amount": 12.5}}'"""
OTEL = """\
export OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=$ADDRESS/v1/logs
export OTEL_EXPORTER_OTLP_LOGS_HEADERS="Authorization=Bearer%20$TOKEN\""""
FLYTE_EVENT = """\
curl "$ADDRESS/api/v1/events/workflows" \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{"event": {"execution_id": {"project": "flytesnacks", "domain": "development", "name": "f1"},
       "phase": "RUNNING", "occurred_at": "'$(date -u +%FT%TZ)'", "producer_id": "propeller"}}'"""
FLINK = """\
events.reporters: eventfeed
events.reporter.eventfeed.factory.class: org.apache.flink.events.otel.OpenTelemetryEventReporterFactory
events.reporter.eventfeed.exporter.protocol: HTTP
events.reporter.eventfeed.exporter.endpoint: $ADDRESS/v1/logs
events.reporter.eventfeed.exporter.http-headers: Authorization=Bearer%20$TOKEN
events.reporter.eventfeed.service.name: my-flink"""  # noqa: E501 - a line to paste
SPARK = """\
spark.jars.packages io.openlineage:openlineage-spark_2.12:1.40.1
spark.extraListeners io.openlineage.spark.agent.OpenLineageSparkListener
spark.openlineage.namespace my-spark
spark.openlineage.transport.type http
spark.openlineage.transport.url $ADDRESS
spark.openlineage.transport.auth.type api_key
spark.openlineage.transport.auth.apiKey $TOKEN"""

RECIPES: dict[str, Recipe] = {
    "prefect": Recipe(
        "prefect",
        "Prefect",
        "Prefect",
        "the Prefect SDK, its command line and its workers",
        [
            Lines(
                "In the shell of whatever sends",
                "export PREFECT_API_URL=$ADDRESS/api\nexport PREFECT_API_AUTH_STRING=$TOKEN",
            ),
            Lines(
                "A first event",
                "prefect event emit hello.world --resource-id my.first.resource",
            ),
        ],
        "Before version 3.6.14 the SDK sends no token by itself: set PREFECT_CLIENT_CUSTOM_HEADERS"
        ' to {"Authorization": "Bearer …"} instead.',
    ),
    "openlineage-python": Recipe(
        "openlineage",
        "OpenLineage",
        "OpenLineage, Python client",
        "openlineage-python, and what is built on it: Dagster, Great Expectations",
        [
            Lines(
                "In the environment of the job",
                "export OPENLINEAGE_URL=$ADDRESS\nexport OPENLINEAGE_API_KEY=$TOKEN",
            )
        ],
    ),
    "openlineage-airflow": Recipe(
        "openlineage",
        "OpenLineage",
        "Apache Airflow",
        "Airflow with its OpenLineage provider",
        [
            Lines("Once", "pip install apache-airflow-providers-openlineage"),
            Lines(
                "In the environment of scheduler and workers",
                "export AIRFLOW__OPENLINEAGE__NAMESPACE=my-airflow\n"
                "export AIRFLOW__OPENLINEAGE__TRANSPORT='"
                '{"type": "http", "url": "$ADDRESS", "endpoint": "api/v1/lineage",'
                ' "auth": {"type": "api_key", "apiKey": "$TOKEN"}}\'',
                "export AIRFLOW__OPENLINEAGE__NAMESPACE=my-airflow\n"
                "export AIRFLOW__OPENLINEAGE__TRANSPORT='"
                '{"type": "http", "url": "$ADDRESS", "endpoint": "api/v1/lineage"}\'',
            ),
        ],
    ),
    "openlineage-spark": Recipe(
        "openlineage",
        "OpenLineage",
        "Apache Spark",
        "Spark with OpenLineage's listener",
        [Lines("In spark-defaults.conf", SPARK)],
        "Take the package of your Scala version, _2.12 or _2.13.",
    ),
    "openlineage-dbt": Recipe(
        "openlineage",
        "OpenLineage",
        "dbt",
        "dbt by its wrapper dbt-ol",
        [
            Lines("Once", "pip install openlineage-dbt"),
            Lines(
                "Instead of dbt build",
                "export OPENLINEAGE_URL=$ADDRESS\n"
                "export OPENLINEAGE_API_KEY=$TOKEN\n"
                "export OPENLINEAGE_NAMESPACE=my-dbt\n"
                "dbt-ol build",
            ),
        ],
    ),
    "flyte-http": Recipe(
        "flyte",
        "Flyte",
        "Flyte, HTTP",
        "what posts Flyte's events to the paths of flyteadmin's gateway",
        [Lines("A first event", FLYTE_EVENT)],
    ),
    "flyte-grpc": Recipe(
        "flyte",
        "Flyte",
        "Flyte, gRPC",
        "flytepropeller, through Eventfeed to flyteadmin",
        [
            Lines(
                "In Eventfeed's environment, which is then started again",
                "export EVENTFEED_FLYTE_GRPC=0.0.0.0:8089\n"
                "export EVENTFEED_FLYTE_FORWARD=flyteadmin.flyte:8089",
            ),
            Lines(
                "In flytepropeller's configuration",
                "admin:\n  endpoint: $HOST:8089\n  insecure: true",
            ),
        ],
        "Everything propeller asks of flyteadmin passes through, and flyteadmin says who may. Name"
        " propeller's network below, “10.2.0.0/16”, and its events are filed under this source.",
    ),
    "flyte-cloudevents": Recipe(
        "flyte",
        "CloudEvents",
        "Flyte, CloudEvents",
        "flyteadmin, which publishes to Pub/Sub or SNS",
        [
            Lines(
                "In flyteadmin's configuration",
                "cloudEvents:\n"
                "  enable: true\n"
                "  type: gcp\n"
                "  gcp:\n"
                "    projectId: my-project\n"
                "  cloudEventVersion: v2\n"
                "  eventsPublisher:\n"
                "    topicName: flyte-events\n"
                "    eventTypes:\n"
                "      - all",
            ),
            Lines(
                "Once",
                "gcloud pubsub subscriptions create eventfeed --topic=flyte-events \\\n"
                '  --push-endpoint="$ADDRESS/api/cloudevents?access_token=$TOKEN"',
                "gcloud pubsub subscriptions create eventfeed --topic=flyte-events \\\n"
                '  --push-endpoint="$ADDRESS/api/cloudevents"',
            ),
        ],
        "flyteadmin publishes once and does not try again: what it cannot publish is lost. Pub/Sub"
        " must reach this address from outside.",
    ),
    "flink": Recipe(
        "flink",
        "OpenTelemetry",
        "Apache Flink",
        "Flink's OpenTelemetry event reporter, version 2.2 and newer",
        [Lines("In Flink's config.yaml", FLINK)],
        "The reporter does not send again what failed; with an OpenTelemetry Collector between the"
        " two nothing is lost. Before 2.3 it cannot carry a token: name its network below.",
    ),
    "opentelemetry": Recipe(
        "otel",
        "OpenTelemetry",
        "OpenTelemetry",
        "an SDK or a Collector, for log records with an event name",
        [
            Lines(
                "In the environment of the sender",
                OTEL,
            )
        ],
    ),
    "cloudevents": Recipe(
        "cloudevents",
        "CloudEvents",
        "CloudEvents",
        "anything that sends CloudEvents 1.0 over HTTP",
        [Lines("A first event", CLOUDEVENT)],
        "Binary, structured and batch mode are read. Who cannot set a header sends to"
        " /api/cloudevents?access_token=…",
    ),
}
