"""The tables of what people keep: saved views, and which of them they have pinned."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from apps.feed.asked import link
from apps.feed.columns import BadColumn, read_columns
from apps.feed.moments import BadMoment, Range, in_order, moment
from apps.query import Query, QueryError, parse

MOST_NAME = 100
MOST_TIME = 40
MOST_COLUMNS = 1_000

# The code of a name that another view of the same owner has.
TAKEN = "taken"


def check_query(text: str) -> None:
    try:
        parse(text)
    except QueryError as wrong:
        raise ValidationError(wrong.say) from wrong


def check_columns(text: str) -> None:
    try:
        read_columns(text)
    except BadColumn as wrong:
        raise ValidationError(str(wrong)) from wrong


def check_time(text: str) -> None:
    try:
        moment(text, timezone.now())
    except BadMoment as wrong:
        raise ValidationError(str(wrong)) from wrong


class View(models.Model):
    """A query with its range and columns, by a name.

    Its owner is a user, or nobody: then it is of who is at the machine in local mode.
    """

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=MOST_NAME)
    query = models.TextField(blank=True, validators=[check_query])
    since = models.CharField(
        max_length=MOST_TIME, blank=True, validators=[check_time], help_text="ISO 8601 or now-7d."
    )
    until = models.CharField(max_length=MOST_TIME, blank=True, validators=[check_time])
    columns = models.CharField(
        max_length=MOST_COLUMNS,
        blank=True,
        validators=[check_columns],
        help_text="As the page's URL has them, by commas.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    shared = models.BooleanField(default=False, help_text="Everybody who may read sees it.")
    is_default = models.BooleanField(default=False, help_text="Its owner's feed opens with it.")
    made = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "saved_view"
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner"],
                condition=models.Q(is_default=True),
                name="one_default_view_an_owner",
            ),
            # Without an owner names may meet: views outlive the people who shared them.
            models.UniqueConstraint(fields=["owner", "name"], name="one_view_an_owner_and_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        super().save(**options)
        # Something else may be new in it.
        self.pins.update(new=0, counted_to=models.F("looked"))

    @property
    def link(self) -> str:
        """The feed as the view shows it; its number tells the page which view it is."""
        fields = {
            "q": self.query,
            "since": self.since,
            "until": self.until,
            "columns": self.columns,
            "view": str(self.pk),
        }
        return link(fields)

    def clean(self) -> None:
        """Check what is of several fields; raises ValidationError, of a name with a code."""
        if other := self.namesake:
            say = f"You have a view “{other.name}” already. Replace it, or choose another name."
            if self.pk:
                say = f"There is a view “{other.name}” already. Choose another name."
            raise ValidationError({"name": ValidationError(say, code=TAKEN)})
        try:
            in_order(self.range.since, self.range.until)
        except BadMoment as wrong:
            raise ValidationError({"until": str(wrong)}) from wrong

    @property
    def namesake(self) -> View | None:
        """The other view of its owner that is called so."""
        others = View.objects.exclude(pk=self.pk)
        return others.filter(owner=self.owner, name=self.name).first()

    @property
    def asked(self) -> Query:
        """What it asks; raises QueryError for what the language no longer understands."""
        return parse(self.query)

    @property
    def range(self) -> Range:
        """Its time, counted from now; raises BadMoment."""
        return Range.read(self.since, self.until, timezone.now())


class Pin(models.Model):
    """A view in somebody's navigation: up to where they have looked at it, and what is new."""

    view = models.ForeignKey(View, models.CASCADE, related_name="pins")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+"
    )
    looked = models.TextField(help_text="A position of the log.")
    new = models.PositiveSmallIntegerField(default=0, help_text="So many events came since.")
    counted_to = models.TextField(help_text="Up to where of the log those are counted.")

    class Meta:
        db_table = "pin"
        ordering: ClassVar = ["view__name", "view_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["view", "person"], nulls_distinct=False, name="one_pin_a_view_and_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.view_id} of {self.person_id}"
