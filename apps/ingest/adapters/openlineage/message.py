"""The one thing worth reading about an OpenLineage event."""

from collections.abc import Callable

from apps.ingest.adapters.message import cut, one_line
from apps.ingest.adapters.openlineage.parts import (
    Json,
    assertions_of,
    datasets_of,
    object_in,
    objects_in,
    statistics_of,
    text_in,
)


def message_of(event: Json) -> str | None:
    """Return the one thing worth reading about an event, on one line."""
    for tell in MESSAGES:
        if message := tell(event):
            return one_line(message)
    return None


def _failed_tasks(event: Json) -> str:
    """Tell which tasks of an Airflow DAG have failed: its own error says no more than that."""
    states = object_in(object_in(_facets(event, "run"), "airflowState"), "tasksState")
    failed = [task for task, state in states.items() if state == "failed"]
    if not failed:
        return ""
    return f"{len(failed):,} of {len(states):,} tasks failed: {_listed(failed)}"


def _error(event: Json) -> str:
    return text_in(object_in(_facets(event, "run"), "errorMessage"), "message")


def _extraction_error(event: Json) -> str:
    errors = objects_in(object_in(_facets(event, "run"), "extractionError"), "errors")
    return text_in(errors[0], "errorMessage") if errors else ""


def _assertions(event: Json) -> str:
    datasets = [*datasets_of(event, "inputs", "outputs"), object_in(event, "dataset")]
    told = [one for dataset in datasets for one in assertions_of(dataset)]
    failed = [one for one in told if one.get("success") is False]
    if not failed:
        return ""
    count = f"{len(failed)} of {len(told)} assertions failed"
    return f"{count}: {', '.join(map(_assertion, failed[:3]))}"


def _assertion(told: Json) -> str:
    name, column = text_in(told, "assertion") or text_in(told, "name"), text_in(told, "column")
    return f"{name} of {column}" if column else name


def _lifecycle(event: Json) -> str:
    for dataset in [*datasets_of(event, "outputs"), object_in(event, "dataset")]:
        change = object_in(object_in(dataset, "facets"), "lifecycleStateChange")
        if what := text_in(change, "lifecycleStateChange"):
            return f"{what} {text_in(dataset, 'name')}"
    return ""


def _written(event: Json) -> str:
    """Tell from what to what the data goes, and how much was written."""
    inputs = [dataset["name"] for dataset in datasets_of(event, "inputs")]
    outputs = [_with_rows(dataset) for dataset in datasets_of(event, "outputs")]
    return " → ".join(filter(None, (_listed(inputs), _listed(outputs))))


def _with_rows(dataset: Json) -> str:
    rows = statistics_of(dataset).get("rowCount")
    if not isinstance(rows, int) or isinstance(rows, bool) or not 0 <= rows < 10**18:
        return str(dataset["name"])
    return f"{dataset['name']} ({rows:,} {'row' if rows == 1 else 'rows'})"


def _listed(names: list[str]) -> str:
    most, names = 3, list(dict.fromkeys(names))
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(cut(name) for name in names[:most])}{more}"


def _documentation(event: Json) -> str:
    for holder in ("job", "dataset"):
        if said := text_in(object_in(_facets(event, holder), "documentation"), "description"):
            return said
    return ""


def _sql(event: Json) -> str:
    return text_in(object_in(_facets(event, "job"), "sql"), "query")


def _facets(event: Json, holder: str) -> Json:
    return object_in(object_in(event, holder), "facets")


# The first that has something to say is heard.
MESSAGES: tuple[Callable[[Json], str], ...] = (
    _failed_tasks,
    _error,
    _extraction_error,
    _assertions,
    _lifecycle,
    _written,
    _documentation,
    _sql,
)
