"""Words for what the ready templates of webhooks tell of."""

from apps.events.words import Kind, register

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


def register_webhooks() -> None:
    register({}, system="webhook", title="Webhook", kinds=KINDS)
