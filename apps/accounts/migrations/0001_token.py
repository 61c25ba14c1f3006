from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Token",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("prefix", models.CharField(editable=False, max_length=11, unique=True)),
                ("digest", models.CharField(editable=False, max_length=64)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("ingest", "Send events"),
                                ("read", "Read events"),
                                ("admin", "Everything"),
                            ],
                            max_length=10,
                        ),
                        size=None,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        blank=True,
                        help_text="Its events are filed under it. Empty: as the sender says.",
                        max_length=100,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("expires", models.DateTimeField(blank=True, help_text="Empty: never.", null=True)),
                ("revoked", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_used", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked", None)),
                        fields=("name",),
                        name="token_name_once_unless_revoked",
                        violation_error_message="A token of this name exists; revoke it first.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("scopes__contained_by", ["ingest", "read", "admin"]),
                            ("scopes__len__gt", 0),
                        ),
                        name="token_scopes_known",
                        violation_error_message="Say at least one scope: ingest, read or admin.",
                    ),
                ],
            },
        ),
    ]
