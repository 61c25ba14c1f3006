"""The log: one partitioned table of events, and what keeps its order."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import apps.events.models

THE_LOG = """
CREATE TABLE log (
    id text COLLATE "C" NOT NULL,
    "offset" bigint NOT NULL,
    gone_tx bigint NOT NULL DEFAULT 0,
    gone_seq bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX log_is_one_row ON log ((true));
INSERT INTO log (id, "offset") VALUES (left(replace(gen_random_uuid()::text, '-', ''), 12), 0);

CREATE TABLE once (
    id uuid PRIMARY KEY,
    received timestamptz NOT NULL
);
CREATE INDEX once_received ON once (received);

CREATE SEQUENCE event_seq;
CREATE TABLE event (
    id uuid NOT NULL,
    occurred timestamptz NOT NULL,
    received timestamptz NOT NULL,
    event text COLLATE "C" NOT NULL,
    resource_id text COLLATE "C" NOT NULL,
    resource jsonb NOT NULL,
    related jsonb NOT NULL,
    payload jsonb NOT NULL,
    follows uuid,
    outcome smallint NOT NULL,
    system text COLLATE "C" NOT NULL,
    source_id integer NOT NULL,
    warnings text[],
    message text COLLATE "C",
    -- The literal is log.offset: CHECK of apps/events/log.py raises both together after a restore.
    tx bigint NOT NULL DEFAULT (0 + pg_current_xact_id()::text::bigint),
    seq bigint NOT NULL DEFAULT nextval('event_seq'),
    terms tsvector NOT NULL,
    terms_version smallint NOT NULL
) PARTITION BY RANGE (occurred);
ALTER SEQUENCE event_seq OWNED BY event.seq;

CREATE INDEX event_order ON event (occurred, tx, seq);
CREATE INDEX event_log ON event (tx, seq);
CREATE INDEX event_follows ON event (follows) WHERE follows IS NOT NULL;
CREATE INDEX event_terms ON event USING gin (terms) WITH (gin_pending_list_limit = 4096);
-- The last one made: among equal costs the planner takes it, and before the first ANALYZE of a
-- partition looking events up by the order of time reads all that share an instant.
CREATE UNIQUE INDEX event_identity ON event (id, occurred);

DO $$
BEGIN
    IF (SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression')
    THEN
        ALTER TABLE event
            ALTER COLUMN resource SET COMPRESSION lz4,
            ALTER COLUMN related SET COMPRESSION lz4,
            ALTER COLUMN payload SET COMPRESSION lz4,
            ALTER COLUMN terms SET COMPRESSION lz4;
    END IF;
END $$;

CREATE TABLE event_default PARTITION OF event DEFAULT;

-- Said by the statement that writes: a message of its own would cost each commit a round trip.
CREATE FUNCTION event_told() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('eventfeed', ''); RETURN NULL; END $$;
CREATE TRIGGER event_told AFTER INSERT ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_told();

-- Without their statistics a partition of 36,000 events is analyzed in 0.27 s instead of 0.86 s;
-- searches, which force the index of terms, were no slower.
ALTER TABLE event
    ALTER COLUMN resource SET STATISTICS 0,
    ALTER COLUMN related SET STATISTICS 0,
    ALTER COLUMN payload SET STATISTICS 0,
    ALTER COLUMN terms SET STATISTICS 0;
"""

NO_LOG = "DROP TABLE event, once, log; DROP FUNCTION event_told;"


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.RunSQL(THE_LOG, NO_LOG),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("occurred", models.DateTimeField()),
                ("received", models.DateTimeField()),
                ("event", models.TextField()),
                ("resource_id", models.TextField()),
                ("resource", models.JSONField()),
                ("related", models.JSONField()),
                ("payload", models.JSONField()),
                ("follows", models.UUIDField(null=True)),
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
                ("system", models.TextField()),
                (
                    "warnings",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), null=True, size=None
                    ),
                ),
                ("message", models.TextField(null=True)),
                ("tx", models.BigIntegerField()),
                ("seq", models.BigIntegerField()),
                ("terms", apps.events.models.TermsField()),
                ("terms_version", models.SmallIntegerField()),
            ],
            options={
                "db_table": "event",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="FollowerPosition",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("tx", models.BigIntegerField(default=0)),
                ("seq", models.BigIntegerField(default=0)),
                ("moved", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "follower",
            },
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.TextField(unique=True)),
                (
                    "system",
                    models.TextField(help_text="Whose events it sends, when they do not say it."),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "source",
            },
        ),
        migrations.CreateModel(
            name="Rejection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("received", models.DateTimeField(default=django.utils.timezone.now)),
                ("doorway", models.TextField(help_text="For example “POST /api/events”.")),
                (
                    "index",
                    models.IntegerField(help_text="Which event of the message, from 0.", null=True),
                ),
                (
                    "path",
                    models.TextField(
                        default="", help_text="Where in it, “resource.prefect.resource.id”."
                    ),
                ),
                ("reason", models.TextField()),
                ("body", models.BinaryField(help_text="The message, or its beginning.")),
                ("body_size", models.IntegerField()),
                ("event_id", models.TextField(null=True)),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="events.source"
                    ),
                ),
            ],
            options={
                "db_table": "rejection",
                "indexes": [models.Index(fields=["source", "id"], name="rejection_source_id")],
            },
        ),
    ]
