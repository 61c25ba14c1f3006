"""Every dialect we can read, by the name that `manage.py read` and rejections know it by."""

from collections.abc import Mapping

from apps.ingest.adapters.cloudevents.draft import read_cloudevents
from apps.ingest.adapters.eventfeed.adapter import read_eventfeed
from apps.ingest.adapters.flyte.adapter import read_flyte
from apps.ingest.adapters.message import Adapter
from apps.ingest.adapters.openlineage.adapter import read_openlineage
from apps.ingest.adapters.otlp.adapter import read_otlp
from apps.ingest.adapters.prefect.adapter import read_prefect
from apps.ingest.hooks.reading import read_webhook

DIALECTS: Mapping[str, Adapter] = {
    "openlineage": read_openlineage,
    "cloudevents": read_cloudevents,
    "flyte": read_flyte,
    "flink": read_otlp,
    "otel": read_otlp,
    "prefect": read_prefect,
}
# By what a file may hold: what we export ourselves comes by no door.
IN_FILES: Mapping[str, Adapter] = {**DIALECTS, "eventfeed": read_eventfeed}
# By what a rejected message is read again; a hook's template lies in the database.
READERS: Mapping[str, Adapter] = {**DIALECTS, "webhook": read_webhook}
