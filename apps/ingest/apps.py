from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "apps.ingest"

    def ready(self) -> None:
        from apps.ingest import audit
        from apps.ingest.adapters.cloudevents.details import register_cloudevents_details
        from apps.ingest.adapters.cloudevents.words import register_cloudevents
        from apps.ingest.adapters.flink.details import register_flink_details
        from apps.ingest.adapters.flink.words import register_flink
        from apps.ingest.adapters.flyte.details import register_flyte_details
        from apps.ingest.adapters.flyte.words import register_flyte
        from apps.ingest.adapters.openlineage.details import register_openlineage_details
        from apps.ingest.adapters.openlineage.words import register_openlineage
        from apps.ingest.adapters.otlp.details import register_otel_details
        from apps.ingest.adapters.otlp.words import register_otel
        from apps.ingest.adapters.prefect.catalogue import register_prefect
        from apps.ingest.adapters.webhook.words import register_webhooks

        audit.listen()
        register_cloudevents()
        register_cloudevents_details()
        register_flyte()
        register_flyte_details()
        register_prefect()
        register_webhooks()
        register_openlineage()
        register_openlineage_details()
        register_flink()
        register_flink_details()
        register_otel()
        register_otel_details()
