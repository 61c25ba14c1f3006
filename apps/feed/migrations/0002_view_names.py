"""Within one owner's views a name says which is meant."""

from itertools import count
from typing import Any

from django.conf import settings
from django.db import migrations, models

MOST_NAME = 100


def tell_apart(apps: Any, schema_editor: Any) -> None:
    """Number the views whose name an older one of the same owner has."""
    taken: set[tuple[int, str]] = set()
    for view in apps.get_model("feed", "View").objects.exclude(owner=None).order_by("id"):
        if (view.owner_id, view.name) in taken:
            view.name = free(view, taken)
            view.save(update_fields=["name"])
        taken.add((view.owner_id, view.name))


def free(view: Any, taken: set[tuple[int, str]]) -> str:
    ends = (f" ({number})" for number in count(2))
    names = (view.name[: MOST_NAME - len(end)] + end for end in ends)
    return next(name for name in names if (view.owner_id, name) not in taken)


class Migration(migrations.Migration):
    dependencies = [
        ("feed", "0001_views"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(tell_apart, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="view",
            constraint=models.UniqueConstraint(
                fields=("owner", "name"), name="one_view_an_owner_and_name"
            ),
        ),
    ]
