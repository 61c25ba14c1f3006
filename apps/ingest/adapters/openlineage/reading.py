"""OpenLineage's event as it arrives: bytes to a checked event, or to what is wrong and where.

The core is that of https://openlineage.io/spec/2-0-2/OpenLineage.json: a time, and a run, a job or
a dataset with their names. Facets may hold anything: what they have against their spec is a
warning. Bodies are Python's and Java's JSON: they hold NaN and U+0000, which is mended and told,
except in a name.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

import msgspec

from apps.ingest import strict_json
from apps.ingest.adapters.message import Problem, Unreadable, cut
from apps.ingest.strict_json import Malformed, Path, TooDeep, Unstorable

Kind = Literal["run", "job", "dataset"]


class Told(msgspec.Struct, frozen=True):
    """An event whose core is as it must be, and what was odd about its JSON."""

    kind: Kind
    occurred: datetime
    event: dict[str, Any]
    warnings: tuple[str, ...] = ()


EVENT = msgspec.json.Decoder()
BATCH = msgspec.json.Decoder(list[msgspec.Raw])
FAST_DECODER_REFUSES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read(raw: bytes) -> Told | Unreadable:
    """Read one event."""
    try:
        event = EVENT.decode(raw)
    except FAST_DECODER_REFUSES:
        return _read_closely(raw)
    if b"\\u0000" in raw or _is_deep(event, raw):
        return _read_closely(raw)
    return _checked(event)


def split(body: bytes) -> list[bytes] | None:
    """Return the events of an array, each in its own bytes; None when it is no array."""
    try:
        return [bytes(raw) for raw in BATCH.decode(body)]
    except FAST_DECODER_REFUSES:
        return _split_closely(body)


def _is_deep(event: object, raw: bytes) -> bool:
    """Say whether it is nested beyond the limit; most events have no so many brackets."""
    if raw.count(b"{") + raw.count(b"[") <= strict_json.MAX_DEPTH:
        return False
    level: list[Any] = [event]
    for _ in range(strict_json.MAX_DEPTH):
        level = [
            held
            for value in level
            for held in (value.values() if type(value) is dict else value)
            if type(held) is dict or type(held) is list
        ]
        if not level:
            return False
    return True


# The core.

MOST_PROBLEMS = 20


def _checked(event: object, warnings: tuple[str, ...] = ()) -> Told | Unreadable:
    if not isinstance(event, dict):
        return _refused([Problem((), "dict_type", "An event must be an object.")])
    problems: list[Problem] = []
    kind = _kind_of(event, problems)
    occurred = _moment(event.get("eventTime"), problems)
    if kind == "run":
        _check_type(event.get("eventType"), problems)
        _check_run(event["run"], problems)
        _check_named(event.get("job"), ("job",), problems)
    elif kind:
        _check_named(event[kind], (kind,), problems)
    if kind != "dataset":
        _check_datasets(event, "inputs", "inputFacets", problems)
        _check_datasets(event, "outputs", "outputFacets", problems)
    if problems or kind is None or occurred is None:
        return _refused(problems[:MOST_PROBLEMS])
    return Told(kind, occurred, event, warnings)


def _refused(problems: list[Problem]) -> Unreadable:
    return Unreadable(422, tuple(problems))


def _kind_of(event: Mapping[str, Any], problems: list[Problem]) -> Kind | None:
    """Tell by its shape what it is: schemaURL is often missing or a local file."""
    kinds: tuple[Kind, ...] = ("run", "job", "dataset")
    for kind in kinds:
        if (found := event.get(kind)) is not None:
            if not isinstance(found, dict):
                problems.append(Problem((kind,), "dict_type", f"{kind} must be an object."))
                return None
            return kind
    say = "An event needs a run and its job, or a job, or a dataset; this one has none of them."
    problems.append(Problem((), "missing", say))
    return None


def _check_type(event_type: object, problems: list[Problem]) -> None:
    if event_type is not None and not isinstance(event_type, str):
        problems.append(Problem(("eventType",), "string_type", "eventType must be a string."))


def _check_run(run: Mapping[str, Any], problems: list[Problem]) -> None:
    _check_text(run, "runId", ("run",), problems)
    if run.get("runId") == "":
        problems.append(Problem(("run", "runId"), "value_error", "runId must not be empty."))
    _check_facets(run, "facets", ("run",), problems)


def _check_datasets(
    event: Mapping[str, Any], key: str, more_facets: str, problems: list[Problem]
) -> None:
    datasets = event.get(key)
    if datasets is None:
        return
    if not isinstance(datasets, list):
        problems.append(Problem((key,), "list_type", f"{key} must be an array of datasets."))
        return
    for index, dataset in enumerate(datasets):
        _check_named(dataset, (key, index), problems)
        if isinstance(dataset, dict):
            _check_facets(dataset, more_facets, (key, index), problems)


def _check_named(value: object, path: Path, problems: list[Problem]) -> None:
    if not isinstance(value, dict):
        missing = value is None
        say = f"A {NOUNS[path[0]]} with namespace and name is needed, as an object."
        problems.append(Problem(path, "missing" if missing else "dict_type", say))
        return
    _check_text(value, "namespace", path, problems)
    _check_text(value, "name", path, problems)
    _check_facets(value, "facets", path, problems)


NOUNS: Mapping[str | int, str] = {
    "job": "job",
    "dataset": "dataset",
    "inputs": "dataset",
    "outputs": "dataset",
}


def _check_text(value: Mapping[str, Any], key: str, path: Path, problems: list[Problem]) -> None:
    text = value.get(key)
    if isinstance(text, str):
        return
    if text is None:
        problems.append(Problem((*path, key), "missing", f"{key} is required."))
    else:
        problems.append(Problem((*path, key), "string_type", f"{key} must be a string."))


def _check_facets(value: Mapping[str, Any], key: str, path: Path, problems: list[Problem]) -> None:
    facets = value.get(key)
    if facets is not None and not isinstance(facets, dict):
        say = f"{key} must be an object of facets by their names."
        problems.append(Problem((*path, key), "dict_type", say))


A_TIME = "It must be a time between the years 1 and 9999, such as 2026-11-21T14:32:07.690Z."


def _moment(text: object, problems: list[Problem]) -> datetime | None:
    if text is None:
        problems.append(Problem(("eventTime",), "missing", "eventTime is required."))
        return None
    try:
        return moment(text)
    except (ValueError, OverflowError):
        found = cut(str(text))
        problems.append(Problem(("eventTime",), "datetime_parsing", A_TIME, found))
        return None


def moment(text: object) -> datetime:
    """Read a time as producers write it: with nanoseconds, or without a zone, which is UTC.

    Raises ValueError or OverflowError.
    """
    # A date alone says no time, and an ISO week is none of the spec's.
    if not isinstance(text, str) or not DATE_AND_TIME.match(text):
        raise ValueError
    told = datetime.fromisoformat(text.upper())
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


DATE_AND_TIME = re.compile(r"\d{4}-?\d\d-?\d\d[Tt ]\d\d", re.ASCII)


# From here on: the close reading.


def _read_closely(raw: bytes) -> Told | Unreadable:
    try:
        value = strict_json.loads(raw)
    except Malformed as error:
        return Unreadable.because(400, str(error), type="json_invalid")
    except TooDeep as error:
        return Unreadable.because(422, str(error), type="too_deep")
    problems: list[Problem] = []
    warnings: list[str] = []
    for flaw in strict_json.flaws(value):
        if flaw.reason == strict_json.TOO_DEEP:
            return Unreadable.because(422, flaw.reason, *flaw.path, type="too_deep")
        if _is_core(flaw.path):
            problems.append(Problem(flaw.path, "value_error", flaw.reason))
        elif len(warnings) < MOST_PROBLEMS:
            where = Problem(flaw.path, "", "").where
            warnings.append(f"{_mended_text(cut(where))}: {flaw.reason} {MENDED}")
    if problems:
        return _refused(problems[:MOST_PROBLEMS])
    return _checked(_mended(value), tuple(warnings))


MENDED = "It is kept as a text that can be stored."


def _is_core(path: Path) -> bool:
    """Say whether it names something: what is mended there would name something else."""
    return path in CORE or (
        len(path) == 3 and path[0] in ("inputs", "outputs") and path[2] in ("namespace", "name")
    )


CORE: frozenset[Path] = frozenset(
    [
        ("eventTime",),
        ("eventType",),
        ("run", "runId"),
        *((kind, name) for kind in ("job", "dataset") for name in ("namespace", "name")),
    ]
)


def _mended(value: Any) -> Any:
    """Write what JSON or PostgreSQL have no place for as text; the depth is known to be small."""
    if isinstance(value, dict):
        return {_mended_text(key): _mended(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_mended(held) for held in value]
    if isinstance(value, str):
        return _mended_text(value)
    return value.text if isinstance(value, Unstorable) else value


def _mended_text(text: str) -> str:
    return strict_json.UNSTORABLE_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def _split_closely(body: bytes) -> list[bytes] | None:
    """Split an array that holds what no fast decoder takes: one bad event spoils no other."""
    cuts = list(_cuts(body))
    text = body.strip()
    if not cuts or text[:1] != b"[" or text[-1:] != b"]" or cuts[-1] + 1 != len(body.rstrip()):
        return None
    parts = [body[start + 1 : end].strip() for start, end in pairwise(cuts)]
    return [] if parts == [b""] else parts


def _cuts(body: bytes) -> Iterator[int]:
    """Yield where the outermost array begins, parts and ends."""
    depth = 0
    for token in strict_json.TOKEN.finditer(body):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == 1:
                    yield token.start()
            case b"]" | b"}":
                depth -= 1
                if depth == 0:
                    yield token.start()
            case b"," if depth == 1:
                yield token.start()
