"""Which transactions have taken over events from files."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("events", "0004_event_counts")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Imported",
            fields=[("tx", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"db_table": "imported"},
        ),
    ]
