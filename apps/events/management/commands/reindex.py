from typing import Any

from django.core.management.base import BaseCommand

from apps.events.reindex import reindex


class Command(BaseCommand):
    help = "Index events again that an older version of the index knows; it may be interrupted."

    def handle(self, *args: Any, **options: Any) -> None:
        rewritten = 0
        for progress in reindex():
            if progress.rewritten // 10_000 > rewritten // 10_000:
                self.stdout.write(f"{progress.rewritten:,} rewritten, back to {progress.back_to}")
            rewritten = progress.rewritten
        self.stdout.write(f"Done: {rewritten:,} events were rewritten.")
