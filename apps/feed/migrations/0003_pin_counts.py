"""What is new in a pinned view is counted on, not each time anew."""

from typing import Any

from django.db import migrations, models


def begin_where_they_looked(apps: Any, schema_editor: Any) -> None:
    apps.get_model("feed", "Pin").objects.update(counted_to=models.F("looked"))


class Migration(migrations.Migration):
    dependencies = [("feed", "0002_view_names")]

    operations = [
        migrations.AddField(
            model_name="pin",
            name="new",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="So many events came since."
            ),
        ),
        migrations.AddField(
            model_name="pin",
            name="counted_to",
            field=models.TextField(
                default="", help_text="Up to where of the log those are counted."
            ),
            preserve_default=False,
        ),
        migrations.RunPython(begin_where_they_looked, migrations.RunPython.noop, elidable=True),
    ]
