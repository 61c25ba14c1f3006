"""OpenLineage's events in words."""

from collections.abc import Mapping
from functools import lru_cache

from apps.events.words import Kind, Rule, Words, register, sentence_case, spelled
from apps.query.outcomes import Outcome

RUN = Kind("run", "play")
JOB = Kind("job", "cog")
DATASET = Kind("dataset", "database")
OWNER = Kind("owner", "circle")

KINDS = {
    "openlineage.run": RUN,
    "openlineage.job": JOB,
    "openlineage.dataset": DATASET,
    "openlineage.owner": OWNER,
}

# https://openlineage.io/docs/spec/run-cycle has the six; eventType may also be left out.
EVENT_TYPES = {
    "START": ("Run started", Outcome.RUNNING),
    "RUNNING": ("Run running", Outcome.RUNNING),
    "COMPLETE": ("Run completed", Outcome.COMPLETED),
    # “To indicate that the run has been stopped abnormally”, which nobody wanted.
    "ABORT": ("Run aborted", Outcome.FAILED),
    "FAIL": ("Run failed", Outcome.FAILED),
    "OTHER": ("Run told more", Outcome.INFORMATION),
    "UNSPECIFIED": ("Run told of", Outcome.INFORMATION),
}
# The integrations that write themselves otherwise than with a capital.
INTEGRATIONS = {"DBT": "dbt"}
LONGEST_KIND = 40
METADATA = {
    "openlineage.job.METADATA": ("Job described", JOB),
    "openlineage.dataset.METADATA": ("Dataset described", DATASET),
}


def register_openlineage() -> None:
    """Put OpenLineage's words into the registry."""
    table: dict[str, Words | Rule] = {
        f"openlineage.run.{name}": _run(text, outcome)
        for name, (text, outcome) in EVENT_TYPES.items()
    }
    for name, (text, kind) in METADATA.items():
        table[name] = _row(text, "metadata", kind, Outcome.INFORMATION)
    register(
        table, system="openlineage", title="OpenLineage", prefixes=["openlineage"], kinds=KINDS
    )


def _run(text: str, outcome: Outcome) -> Rule:
    """Tell of a run what it is a run of, where its job says it: “Airflow DAG run”."""

    def rule(event: str, labels: Mapping[str, str]) -> Words:
        integration = labels.get("openlineage.integration", "")
        return told(integration, labels.get("openlineage.job-type", ""))

    @lru_cache(maxsize=1024)
    def told(integration: str, type: str) -> Words:
        kind = Kind(kind_of_run(integration, type), RUN.icon)
        return _row(text, "runs", kind, outcome)

    return rule


def kind_of_run(integration: str, type: str) -> str:
    """Return the words for `DBT` and `MODEL`: “dbt model run”."""
    whose = INTEGRATIONS.get(integration) or sentence_case(spelled(integration.lower()))
    words = " ".join(filter(None, (whose, spelled(type.lower()), RUN.text)))
    return words if len(words) <= LONGEST_KIND else RUN.text


def _row(text: str, group: str, kind: Kind, outcome: Outcome) -> Words:
    return Words(text, group, kind.text, kind.icon, outcome, owner="openlineage")
