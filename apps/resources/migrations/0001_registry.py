import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Name",
            fields=[
                (
                    "name",
                    models.TextField(db_collation="C", primary_key=True, serialize=False),
                ),
                ("is_prefix", models.BooleanField()),
                ("last_seen", models.DateTimeField()),
            ],
            options={"db_table": "name"},
        ),
        migrations.CreateModel(
            name="Resource",
            fields=[
                (
                    "id",
                    models.TextField(db_collation="C", primary_key=True, serialize=False),
                ),
                ("display_name", models.TextField()),
                (
                    "named",
                    models.BooleanField(help_text="The name was said, not taken from the id."),
                ),
                ("kind", models.TextField()),
                (
                    "words",
                    django.contrib.postgres.search.SearchVectorField(
                        help_text="The case-folded words of its name and id."
                    ),
                ),
                ("first_seen", models.DateTimeField()),
                ("last_seen", models.DateTimeField()),
            ],
            options={
                "db_table": "resource",
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["words"], name="resource_words"
                    ),
                    models.Index(fields=["last_seen"], name="resource_last_seen"),
                ],
            },
        ),
    ]
