"""The group whose members may read events."""

from typing import Any, ClassVar

from django.db import migrations


def make_viewers(apps: Any, schema_editor: Any) -> None:
    # Django makes permissions only after the last migration, and keeps those it finds.
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="events", model="event"
    )
    may_view, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename="view_event", defaults={"name": "Can view event"}
    )
    viewers, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Viewers")
    viewers.permissions.add(may_view)


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0001_token"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations: ClassVar = [migrations.RunPython(make_viewers, migrations.RunPython.noop)]
