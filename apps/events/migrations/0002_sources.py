"""What a source is set up with and seen to send; what trying a rejection again needs."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_the_log"),
    ]

    operations = [
        migrations.CreateModel(
            name="SourceSeen",
            fields=[
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="seen",
                        serialize=False,
                        to="events.source",
                    ),
                ),
                ("events", models.BigIntegerField(default=0)),
                ("first", models.DateTimeField()),
                ("last", models.DateTimeField(help_text="When its last event was received.")),
                ("last_id", models.UUIDField()),
                ("last_tx", models.BigIntegerField()),
                ("last_seq", models.BigIntegerField()),
                (
                    "lag",
                    models.FloatField(
                        help_text="Seconds between occurring and arriving, the median lately."
                    ),
                ),
            ],
            options={
                "db_table": "source_seen",
            },
        ),
        migrations.AddField(
            model_name="rejection",
            name="content_type",
            field=models.TextField(default=""),
        ),
        migrations.AddField(
            model_name="rejection",
            name="headers",
            field=models.JSONField(
                default=dict, help_text="What came beside the body, no secrets."
            ),
        ),
        migrations.AddField(
            model_name="rejection",
            name="kind",
            field=models.TextField(default="", help_text="What the path says of the body."),
        ),
        migrations.AddField(
            model_name="rejection",
            name="stored",
            field=models.BooleanField(default=False, help_text="Whether it is in the feed by now."),
        ),
        migrations.AddField(
            model_name="rejection",
            name="system",
            field=models.TextField(default="", help_text="Whose dialect the doorway reads."),
        ),
        migrations.AddField(
            model_name="rejection",
            name="told",
            field=models.TextField(default="", help_text="What came of it."),
        ),
        migrations.AddField(
            model_name="rejection",
            name="tried",
            field=models.DateTimeField(help_text="When it was last tried again.", null=True),
        ),
        migrations.AddField(
            model_name="source",
            name="kind",
            field=models.TextField(
                blank=True,
                default="",
                help_text="Which lines it was set up with: “openlineage-spark”.",
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="masks",
            field=models.JSONField(
                blank=True, default=dict, help_text="What is made unreadable before it is stored."
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="networks",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                blank=True,
                default=list,
                help_text="Who sends from one of these networks, “10.2.0.0/16”, needs no token.",
                size=None,
            ),
        ),
        migrations.CreateModel(
            name="SourceMinute",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "source_id",
                        "minute",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("minute", models.DateTimeField()),
                ("events", models.IntegerField()),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="minutes",
                        to="events.source",
                    ),
                ),
            ],
            options={
                "db_table": "source_minute",
            },
        ),
    ]
