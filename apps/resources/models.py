"""What the feed has lately been about, for suggestions. Both tables can be rebuilt from the log."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models


class Name(models.Model):
    """An event name, or a dotted beginning of names, written `prefect.flow-run.*`."""

    name = models.TextField(primary_key=True, db_collation="C")
    is_prefix = models.BooleanField()
    last_seen = models.DateTimeField()

    class Meta:
        db_table = "name"

    def __str__(self) -> str:
        return self.name


class Resource(models.Model):
    """Something events happened to, under the name it had last."""

    id = models.TextField(primary_key=True, db_collation="C")
    display_name = models.TextField()
    named = models.BooleanField(help_text="The name was said, not taken from the id.")
    kind = models.TextField()
    words = SearchVectorField(help_text="The case-folded words of its name and id.")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        db_table = "resource"
        indexes = (
            GinIndex(fields=["words"], name="resource_words"),
            models.Index(fields=["last_seen"], name="resource_last_seen"),
        )

    def __str__(self) -> str:
        return self.display_name
