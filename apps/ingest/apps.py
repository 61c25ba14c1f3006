from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "apps.ingest"

    def ready(self) -> None:
        from apps.ingest.adapters.prefect_catalogue import register_prefect

        register_prefect()
