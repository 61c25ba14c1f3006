"""Each sub-filter finds the same by the database and by an event in memory."""

import msgspec
import pytest

from apps.events.models import Event
from apps.events.search import search
from apps.feed.prefect.filters import EventFilter
from apps.query.terms import ReadTerms
from tests.feed.prefect.recorded import FLOW, FLOW_RUN, POOL, id_of, name_of, recorded
from tests.feed.watching import store

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_log"),
]

INVOICES = {"invoice", "lone"}
ALL = {"invoice", "completed", "heartbeat", "failed", "lone"}
RUN = {"completed", "heartbeat"}

CASES = [
    ("nothing", {}, ALL),
    ("every part null", dict.fromkeys(("event", "resource", "related", "text"), None), ALL),
    ("every part empty", {"event": {}, "resource": {}, "related": {}, "any_resource": []}, ALL),
    ("a name", {"event": {"name": ["acme.invoice.paid"]}}, {"invoice"}),
    ("either of two names", {"event": {"name": ["acme.invoice.paid", "x"]}}, {"invoice"}),
    ("a prefix", {"event": {"prefix": ["acme."]}}, INVOICES),
    ("a prefix in another case", {"event": {"prefix": ["ACME."]}}, set()),
    ("a prefix with what LIKE takes for wild", {"event": {"prefix": ["acme_"]}}, set()),
    ("a prefix with a star in it", {"event": {"prefix": ["acme*"]}}, set()),
    ("the empty prefix", {"event": {"prefix": [""]}}, ALL),
    (
        "a prefix and not a name",
        {"event": {"prefix": ["acme."], "exclude_name": ["acme.invoice.late"]}},
        {"invoice"},
    ),
    ("not a prefix", {"event": {"exclude_prefix": ["prefect.flow-run.", "acme."]}}, {"failed"}),
    ("a resource", {"resource": {"id": [FLOW_RUN]}}, RUN),
    ("a resource's prefix", {"resource": {"id_prefix": ["acme.invoice.4"]}}, INVOICES),
    ("a label", {"resource": {"labels": {"region": "eu-west"}}}, {"invoice"}),
    (
        "any of some values",
        {"resource": {"labels": {"region": ["eu-west", "us_east"]}}},
        {"invoice", "failed"},
    ),
    ("a label by star", {"resource": {"labels": {"region": "*-west"}}}, {"invoice"}),
    ("a label by question mark", {"resource": {"labels": {"region": "us?east"}}}, {"failed"}),
    ("an underscore is itself", {"resource": {"labels": {"region": "eu_west"}}}, set()),
    (
        "a denied label is there and other",
        {"resource": {"labels": {"region": "!eu-west"}}},
        {"failed", "lone"},
    ),
    ("a denied pattern", {"resource": {"labels": {"region": "!*e*"}}}, {"lone"}),
    ("an empty value", {"resource": {"labels": {"region": ""}}}, {"lone"}),
    ("any value", {"resource": {"labels": {"region": "*"}}}, {"invoice", "failed", "lone"}),
    ("no value at all", {"resource": {"labels": {"region": []}}}, set()),
    ("no labels", {"resource": {"labels": {}}}, ALL),
    (
        "an id among the labels",
        {"resource": {"labels": {"prefect.resource.id": "acme.*"}}},
        INVOICES,
    ),
    (
        "a name among the labels",
        {"resource": {"labels": {"prefect.resource.name": "Invoice 42"}}},
        {"invoice"},
    ),
    ("a display name is no label", {"resource": {"labels": {"prefect.resource.name": "4"}}}, set()),
    ("a denied id", {"resource": {"labels": {"prefect.resource.id": "!prefect.*"}}}, INVOICES),
    (
        "two labels",
        {"resource": {"labels": {"region": "*", "prefect.resource.name": "bad-*"}}},
        {"failed"},
    ),
    (
        "a prefix and a label",
        {"resource": {"id_prefix": ["acme."], "labels": {"region": "!x"}}},
        INVOICES,
    ),
    ("a related id", {"related": {"id": [FLOW]}}, ALL - {"lone"}),
    ("a related id is not the primary one", {"related": {"id": [FLOW_RUN]}}, {"invoice", "failed"}),
    ("a role", {"related": {"role": ["work-pool"]}}, {"failed"}),
    (
        "an id in a role",
        {"related": {"id": [FLOW_RUN], "role": ["flow-run"]}},
        {"invoice", "failed"},
    ),
    ("an id in another's role", {"related": {"id": [FLOW_RUN], "role": ["flow"]}}, set()),
    (
        "resources in roles",
        {"related": {"resources_in_roles": [[POOL, "work-pool"], ["x", "y"]]}},
        {"failed"},
    ),
    ("a related label", {"related": {"labels": {"team": "red"}}}, {"failed"}),
    ("a related label by star", {"related": {"labels": {"team": "b*"}}}, ALL - {"lone"}),
    (
        "a role and a label of one",
        {"related": {"role": ["work-pool"], "labels": {"team": "red"}}},
        {"failed"},
    ),
    (
        "a role and a label of two",
        {"related": {"role": ["work-pool"], "labels": {"team": "blue"}}},
        set(),
    ),
    (
        "a denied related label",
        {"related": {"role": ["flow"], "labels": {"team": "!red"}}},
        ALL - {"lone"},
    ),
    (
        "a role among the labels",
        {"related": {"labels": {"prefect.resource.role": "work-*"}}},
        {"failed"},
    ),
    ("a related name", {"related": {"labels": {"prefect.resource.name": "blue"}}}, {"failed"}),
    ("all of several related", {"related": [{"role": ["flow-run"]}, {"id": [POOL]}]}, {"failed"}),
    ("any resource", {"any_resource": {"id": [FLOW_RUN]}}, ALL - {"lone"}),
    ("any resource's prefix", {"any_resource": {"id_prefix": ["prefect.work-pool."]}}, {"failed"}),
    ("any resource's label", {"any_resource": {"labels": {"region": "eu-west"}}}, {"invoice"}),
    (
        "any resource's labels are one's",
        {"any_resource": {"labels": {"region": "*", "team": "*"}}},
        set(),
    ),
    (
        "a role of any resource",
        {"any_resource": {"labels": {"prefect.resource.role": "flow"}}},
        ALL - {"lone"},
    ),
    (
        "all of several of any",
        {"any_resource": [{"id": [POOL]}, {"labels": {"region": "us_east"}}]},
        {"failed"},
    ),
    ("an id", {"id": {"id": [str(id_of("lone"))]}}, {"lone"}),
    (
        "either of two ids",
        {"id": {"id": [str(id_of("lone")), str(id_of("failed"))]}},
        {"lone", "failed"},
    ),
    ("no ids", {"id": {"id": []}}, ALL),
    ("a word", {"text": {"query": "boom"}}, {"failed"}),
    ("a word in another case", {"text": {"query": "BOOM"}}, {"failed"}),
    ("the beginning of a word", {"text": {"query": "jackd"}}, ALL - {"lone"}),
    ("either word", {"text": {"query": "boom transfer"}}, {"failed", "invoice"}),
    ("a word and not another", {"text": {"query": "jackdaw -boom"}}, ALL - {"lone", "failed"}),
    ("not a word, written otherwise", {"text": {"query": "!jackdaw"}}, {"lone"}),
    ("both words", {"text": {"query": "+jackdaw +transfer"}}, {"invoice"}),
    ("a phrase", {"text": {"query": '"paid by trans"'}}, {"invoice"}),
    ("not a phrase", {"text": {"query": '-"my-etl-flow"'}}, {"lone"}),
    ("words of a phrase apart", {"text": {"query": '"paid transfer"'}}, set()),
    ("an id in the text", {"text": {"query": FLOW}}, ALL - {"lone"}),
    ("what is no word", {"text": {"query": "- + --- ( "}}, ALL),
    ("no text", {"text": {"query": "  "}}, ALL),
]


def test_each_sub_filter_finds_what_it_says():
    store(*recorded())
    events = {name_of(event.id): event for event in Event.objects.all()}
    for said, asked, expected in CASES:
        query = msgspec.convert(asked, EventFilter).query()
        found = {name_of(event.id) for event in search(query).events}
        assert found == expected, f"{said}, by the database"
        held = {name for name, event in events.items() if holds(query, event)}
        assert held == expected, f"{said}, in memory"


def holds(query, event):
    return query is None or query.matches(event, ReadTerms(event.terms))
