"""The contract of every adapter, tried with every message that we have recorded.

A sample is a file in samples/<system>/: `.json` and `.bin` are a body, each line of `.jsonl` is
one. Beside it a `NAME.meta.json` may say its content_type, headers and kind, and in `not_kept`
which texts of it an adapter may leave out.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.record import record
from apps.events.row import rows_of
from apps.ingest.adapters.message import Element, Message, Unreadable
from apps.ingest.dialects import IN_FILES
from apps.query.outcomes import Outcome

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Sample:
    name: str
    system: str
    message: Message
    not_kept: frozenset[str] = field(default_factory=frozenset)

    def read(self, body: bytes | None = None) -> list[Element]:
        message = self.message if body is None else replace(self.message, body=body)
        return list(IN_FILES[self.system](message))


def samples_of(system: str) -> Iterator[Sample]:
    for path in sorted((SAMPLES / system).glob("*")):
        if path.name.endswith(".meta.json") or lacks_its_reader(path):
            continue
        beside = path.with_name(f"{path.stem}.meta.json")
        meta = json.loads(beside.read_text()) if beside.exists() else {}
        not_kept = frozenset(meta.pop("not_kept", []))
        bodies = path.read_bytes().splitlines() if path.suffix == ".jsonl" else [path.read_bytes()]
        for number, body in enumerate(bodies, start=1):
            name = f"{system}/{path.name}" + (f":{number}" if len(bodies) > 1 else "")
            yield Sample(name, system, Message(body, **meta), not_kept)


def lacks_its_reader(path: Path) -> bool:
    """Flyte's protobuf is read with flyteidl, and Python 3.14 has none."""
    is_protobuf_of_flyte = path.parent.name == "flyte" and path.suffix == ".bin"
    return is_protobuf_of_flyte and find_spec("flyteidl") is None


EVERY = [sample for system in IN_FILES for sample in samples_of(system)]
every_sample = pytest.mark.parametrize("sample", EVERY, ids=lambda sample: sample.name)
# A message a file is enough where every byte of it is tried.
FIRST = list({sample.name.partition(":")[0]: sample for sample in EVERY}.values())
each_file = pytest.mark.parametrize("sample", FIRST, ids=lambda sample: sample.name)


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


each_json_file = pytest.mark.parametrize(
    "sample",
    [sample for sample in FIRST if is_json(sample.message.body)],
    ids=lambda sample: sample.name,
)


def drafts_in(elements: list[Element]) -> list[Draft]:
    return [
        draft
        for element in elements
        if not isinstance(element.reading, Unreadable)
        for draft in element.reading
    ]


@pytest.mark.parametrize("system", IN_FILES)
def test_every_system_has_recorded_messages(system: str) -> None:
    assert any(drafts_in(sample.read()) for sample in samples_of(system))


@every_sample
def test_every_element_says_something(sample: Sample) -> None:
    elements = sample.read()
    assert elements
    for element in elements:
        if isinstance(element.reading, Unreadable):
            assert_clear(element.reading)
        else:
            assert element.reading


def assert_clear(unreadable: Unreadable) -> None:
    """A refusal is a client's error, with a sentence for each problem."""
    assert 400 <= unreadable.status < 500
    assert unreadable.problems
    for problem in unreadable.problems:
        assert problem.reason.endswith((".", "…")), problem.reason


@every_sample
def test_drafts_are_complete(sample: Sample) -> None:
    for draft in drafts_in(sample.read()):
        assert draft.occurred.tzinfo == UTC
        assert 0 < len(draft.event) <= 1_024
        assert draft.outcome in Outcome
        assert draft.message is None or (len(draft.message) <= 200 and "\n" not in draft.message)
        assert draft.message != ""
        assert all(isinstance(warning, str) and warning for warning in draft.warnings)
        for labels in (draft.resource, *draft.related):
            assert 0 < len(labels[RESOURCE_ID].encode()) <= 1_024
            assert all(type(part) is str for pair in labels.items() for part in pair)
        assert all(labels[RESOURCE_ROLE] for labels in draft.related)


@every_sample
def test_a_related_resource_stands_once_in_a_role(sample: Sample) -> None:
    for draft in drafts_in(sample.read()):
        told = [(labels[RESOURCE_ROLE], labels[RESOURCE_ID]) for labels in draft.related]
        assert len(told) == len(set(told))


@every_sample
def test_the_same_message_gives_the_same_drafts(sample: Sample) -> None:
    assert sample.read() == sample.read()


@every_sample
def test_drafts_can_be_stored(sample: Sample) -> None:
    assert rows_of(drafts_in(sample.read()), source_id=1)


@pytest.mark.django_db
@pytest.mark.parametrize("system", IN_FILES)
def test_sent_again_in_another_order_nothing_is_stored_twice(system: str) -> None:
    drafts = [draft for sample in samples_of(system) for draft in drafts_in(sample.read())]
    again = [d for s in reversed([*samples_of(system)]) for d in reversed(drafts_in(s.read()))]
    assert record(drafts, source_id=1).stored == len({identity(draft) for draft in drafts})
    assert record(again, source_id=1).stored == 0


def identity(draft: Draft) -> Any:
    return draft.id if draft.once else (draft.id, draft.occurred)


# What is no text to be found again as it was: times, numbers, bytes as hexadecimal or base64.
CONVERTED = re.compile(
    r"[\d\s.,:+-]*|\d{4}-\d\d-\d\d[Tt ].*|[0-9a-fA-F-]{16,}|[A-Za-z0-9+/_-]{40,}={0,2}", re.ASCII
)


@every_sample
def test_every_text_of_a_message_is_kept(sample: Sample) -> None:
    told = msgspec.json.encode(drafts_in(sample.read())).decode().lower()
    refused = [one.raw for one in sample.read() if isinstance(one.reading, Unreadable)]
    for text in texts_of(sample.message.body):
        if CONVERTED.fullmatch(text) or text in sample.not_kept or "\0" in text:
            continue
        quoted = json.dumps(text, ensure_ascii=False)[1:-1]
        assert quoted.lower() in told or any(quoted.encode() in raw for raw in refused), text


def texts_of(body: bytes) -> set[str]:
    """Return the texts in a body of JSON; half surrogate pairs are none."""
    value = json.loads(body) if is_json(body) else None
    texts = {held for _, held in leaves_of(value) if isinstance(held, str)}
    return {text for text in texts if not re.search("[\ud800-\udfff]", text)}


def leaves_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield each value that holds no others, with the path to it."""
    if isinstance(value, dict | list):
        for key, held in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves_of(held, (*path, key))
    else:
        yield path, value


UNHEARD = "UNHEARD_OF_BEFORE"


@each_json_file
def test_a_value_never_heard_of_is_kept_or_refused(sample: Sample) -> None:
    value = json.loads(sample.message.body)
    for path, held in leaves_of(value):
        if held in sample.not_kept:
            continue
        elements = sample.read(json.dumps(changed(value, path, UNHEARD)).encode())
        drafts = msgspec.json.encode(drafts_in(elements)).decode()
        is_refused = any(isinstance(element.reading, Unreadable) for element in elements)
        assert is_refused or UNHEARD in drafts or UNHEARD.lower() in drafts, path


def changed(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """Return a copy with another value at this path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


@each_file
def test_what_is_cut_off_or_altered_is_read_or_refused_clearly(sample: Sample) -> None:
    body = sample.message.body
    steps = range(0, len(body), max(1, len(body) // 60))
    for at in steps:
        assert_total(sample, body[:at])
        assert_total(sample, body[:at] + bytes([body[at] ^ 0xA5]) + body[at + 1 :])
        assert_total(sample, body[:at] + body[at + 1 :])


def assert_total(sample: Sample, body: bytes) -> None:
    """Whatever comes, an adapter reads it or says what is wrong, and what it reads can be kept."""
    elements = sample.read(body)
    rows_of(drafts_in(elements), source_id=1)
    for element in elements:
        if isinstance(element.reading, Unreadable):
            assert_clear(element.reading)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
fuzzed = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("system", IN_FILES)
@fuzzed
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_an_adapter(system: str, body: bytes) -> None:
    for kind in {sample.message.kind for sample in samples_of(system)}:
        assert_total(Sample("fuzz", system, Message(body, kind=kind)), body)


@each_json_file
@fuzzed
@given(data=st.data())
def test_no_value_in_a_message_breaks_its_adapter(sample: Sample, data: st.DataObject) -> None:
    value = json.loads(sample.message.body)
    path = data.draw(st.sampled_from(sorted(paths_in(value), key=str)))
    other = changed(value, path, data.draw(JSON))
    assert_total(sample, json.dumps(other).encode())


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, held in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_in(held, (*path, key))
