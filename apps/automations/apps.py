from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "apps.automations"

    def ready(self) -> None:
        from apps.automations.words import register_automations

        register_automations()
