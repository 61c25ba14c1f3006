"""Words for what the ready templates of webhooks tell of."""

from collections.abc import Mapping

from apps.events.words import Kind, Rule, Words, kind_of, register, sentence_case
from apps.query.outcomes import Outcome

# By the heads of resource ids as apps/ingest/hooks/ready writes them.
KINDS = {
    "github.repository": Kind("repository", "box"),
    "github.organization": Kind("organization", "box"),
    "github.user": Kind("user", "circle"),
    "github.workflow_run": Kind("workflow run", "play"),
    "github.workflow_job": Kind("workflow job", "cog"),
    "github.check_run": Kind("check run", "shield"),
    "github.check_suite": Kind("check suite", "shield"),
    "github.pull_request": Kind("pull request", "transfer"),
    "github.issue": Kind("issue", "log"),
    "github.release": Kind("release", "package"),
    "github.deployment": Kind("deployment", "rocket"),
    "github.alert": Kind("alert", "zap"),
    "gitlab.project": Kind("project", "box"),
    "gitlab.group": Kind("group", "box"),
    "gitlab.user": Kind("user", "circle"),
    "gitlab.pipeline": Kind("pipeline", "flow"),
    "gitlab.job": Kind("job", "cog"),
    "gitlab.merge_request": Kind("merge request", "transfer"),
    "gitlab.issue": Kind("issue", "log"),
    "gitlab.deployment": Kind("deployment", "rocket"),
    "gitlab.release": Kind("release", "package"),
    "gitlab.tag_push": Kind("tag", "package"),
    "alertmanager.alert": Kind("alert", "zap"),
    "alertmanager.receiver": Kind("receiver", "transfer"),
    "prometheus.cluster": Kind("cluster", "server"),
    "prometheus.namespace": Kind("namespace", "box"),
    "prometheus.service": Kind("service", "server"),
    "prometheus.job": Kind("scrape job", "gauge"),
    "prometheus.instance": Kind("instance", "server"),
    "prometheus.pod": Kind("pod", "container"),
    "airflow.dag": Kind("DAG", "flow"),
    "airflow.dag-run": Kind("DAG run", "play"),
    "airflow.task-instance": Kind("task instance", "cog"),
    "argo.workflow": Kind("workflow", "flow"),
    "argo.workflow-template": Kind("workflow template", "package"),
    "kubernetes.namespace": Kind("namespace", "box"),
    "dbt-cloud.run": Kind("run", "play"),
    "dbt-cloud.job": Kind("job", "cog"),
    "dbt-cloud.project": Kind("project", "box"),
    "dbt-cloud.environment": Kind("environment", "server"),
}

STATE = "github.state"
# GitHub says of nearly everything that it is completed or closed: how it went, its state says.
STATES: Mapping[str, tuple[str, Outcome]] = {
    "success": ("succeeded", Outcome.COMPLETED),
    "merged": ("merged", Outcome.COMPLETED),
    "failure": ("failed", Outcome.FAILED),
    "error": ("failed", Outcome.FAILED),
    "timed_out": ("timed out", Outcome.FAILED),
    "startup_failure": ("failed to start", Outcome.FAILED),
    "cancelled": ("cancelled", Outcome.INFORMATION),
    "skipped": ("skipped", Outcome.INFORMATION),
    "neutral": ("ended neutral", Outcome.INFORMATION),
    "stale": ("went stale", Outcome.INFORMATION),
    "inactive": ("inactive", Outcome.INFORMATION),
    "action_required": ("needs an action", Outcome.INFORMATION),
    "in_progress": ("in progress", Outcome.RUNNING),
    "queued": ("queued", Outcome.WAITING),
    "pending": ("pending", Outcome.WAITING),
    "waiting": ("waiting", Outcome.WAITING),
}


def ended(subject: str, otherwise: str) -> Rule:
    def rule(event: str, labels: Mapping[str, str]) -> Words:
        unsaid = (otherwise, Outcome.INFORMATION)
        said, outcome = STATES.get(labels.get(STATE, ""), unsaid)
        return _row(f"{subject} {said}", labels, outcome)

    return rule


def _push(text: str) -> Rule:
    return lambda event, labels: _row(text, labels, Outcome.INFORMATION)


def _row(text: str, labels: Mapping[str, str], outcome: Outcome) -> Words:
    kind = kind_of(labels.get("prefect.resource.id", ""))
    return Words(sentence_case(text), "webhooks", kind.text, kind.icon, outcome)


TABLE: dict[str, Words | Rule] = {
    "github.workflow_run.completed": ended("workflow run", "completed"),
    "github.workflow_job.completed": ended("workflow job", "completed"),
    "github.check_run.completed": ended("check run", "completed"),
    "github.check_suite.completed": ended("check suite", "completed"),
    "github.deployment_status.created": ended("deployment", "in a new state"),
    "github.pull_request.closed": ended("pull request", "closed"),
    "github.push": _push("Push"),
    "gitlab.push": _push("Push"),
    "gitlab.tag_push": _push("Push of a tag"),
}


def register_webhooks() -> None:
    register(TABLE, system="webhook", title="Webhook", kinds=KINDS)
