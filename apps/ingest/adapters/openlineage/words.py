"""OpenLineage's events in words."""

from apps.events.words import Kind, Rule, Words, register
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
METADATA = {
    "openlineage.job.METADATA": ("Job described", JOB),
    "openlineage.dataset.METADATA": ("Dataset described", DATASET),
}


def register_openlineage() -> None:
    """Put OpenLineage's words into the registry."""
    table: dict[str, Words | Rule] = {
        f"openlineage.run.{name}": _row(text, "runs", RUN, outcome)
        for name, (text, outcome) in EVENT_TYPES.items()
    }
    for name, (text, kind) in METADATA.items():
        table[name] = _row(text, "metadata", kind, Outcome.INFORMATION)
    register(
        table, system="openlineage", title="OpenLineage", prefixes=["openlineage"], kinds=KINDS
    )


def _row(text: str, group: str, kind: Kind, outcome: Outcome) -> Words:
    return Words(text, group, kind.text, kind.icon, outcome, owner="openlineage")
