"""Counts by minute and hour, kept by a follower of the log."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

# The counts of this minute and hour are written again with each step: room for that in the page
# spares the index a new entry each time.
ROOM = "ALTER TABLE event_count SET (fillfactor = 80)"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("events", "0003_processes")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="EventCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "span",
                        "start",
                        "event",
                        "outcome",
                        "source_id",
                        "system",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("span", models.SmallIntegerField(help_text="Seconds: 60 or 3600.")),
                ("start", models.DateTimeField()),
                (
                    "event",
                    models.TextField(
                        db_collation="C", help_text="The name; cut when it is very long."
                    ),
                ),
                (
                    "outcome",
                    models.SmallIntegerField(
                        choices=[
                            (1, "failed"),
                            (2, "completed"),
                            (3, "running"),
                            (4, "waiting"),
                            (5, "information"),
                        ]
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="events.source",
                    ),
                ),
                ("system", models.TextField(db_collation="C")),
                ("events", models.BigIntegerField()),
            ],
            options={"db_table": "event_count"},
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
    ]
