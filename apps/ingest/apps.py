from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "apps.ingest"

    def ready(self) -> None:
        from apps.ingest.adapters.cloudevents_words import register_cloudevents
        from apps.ingest.adapters.openlineage_words import register_openlineage
        from apps.ingest.adapters.prefect_catalogue import register_prefect

        register_cloudevents()
        register_prefect()
        register_openlineage()
