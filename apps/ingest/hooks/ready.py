"""Templates to begin with: one for each system we know to send webhooks, and one a kind.

Each lies beside a message as its system sends it, in `ready/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_name("ready")


@dataclass(frozen=True)
class Ready:
    key: str
    title: str
    about: str
    """What comes of it, in one sentence."""
    steps: tuple[str, ...]
    """What to do at the sender; {address} stands for the hook's."""
    delivery: str = ""
    signature: str = "none"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return (FOLDER / f"{self.key}.jinja").read_text()

    @property
    def sample(self) -> str:
        return (FOLDER / f"{self.key}.json").read_text()


CURL = "curl -X POST {address} -H 'Content-Type: application/json' --data @message.json"

READY: Mapping[str, Ready] = {
    ready.key: ready
    for ready in (
        Ready(
            "github",
            "GitHub",
            "Pushes, pull requests, workflow runs, deployments, releases: any event of a webhook.",
            (
                "In the repository or organization: Settings, Webhooks, Add webhook.",
                "Payload URL: {address}",
                "Content type: either. Secret: the one shown here when it was made.",
                "Choose which events; each becomes an event of the feed.",
            ),
            delivery='headers["X-GitHub-Delivery"]',
            signature="github",
            headers={
                "X-GitHub-Event": "workflow_run",
                "X-GitHub-Delivery": "72d3162e-cc78-11f0-81ab-4c9367dc0958",
            },
        ),
        Ready(
            "gitlab",
            "GitLab",
            "Pipelines, jobs, pushes, merge requests, deployments: any trigger of a webhook.",
            (
                "In the project or group: Settings, Webhooks, Add new webhook.",
                "URL: {address}",
                "Secret token: the one shown here when it was made.",
                "Choose the triggers; each becomes an event of the feed.",
            ),
            delivery='headers["Idempotency-Key"]',
            signature="gitlab",
            headers={
                "X-Gitlab-Event": "Pipeline Hook",
                "Idempotency-Key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
            },
        ),
        Ready(
            "alertmanager",
            "Alertmanager",
            "One event when an alert fires and one when it is resolved, however often it is sent.",
            (
                "receivers: [{name: eventfeed, webhook_configs: [{url: '{address}',"
                " send_resolved: true}]}]",
                "Name the receiver in a route.",
            ),
        ),
        Ready(
            "airflow",
            "Airflow",
            "The end of tasks and of runs, as a callback of your DAGs sends it.",
            (
                "Put the callback of docs/sources/webhooks.md beside your DAGs.",
                "In the environment of the workers: EVENTFEED_HOOK={address}",
                "In default_args: on_success_callback, on_failure_callback, on_retry_callback.",
            ),
            delivery='[body.dag_id, body.run_id, body.task_id|default("", true),'
            ' body.map_index|default(-1), body.try_number|default(0, true), body.state]|join("/")',
        ),
        Ready(
            "argo",
            "Argo Workflows",
            "The end of a workflow, as its exit handler sends it.",
            (
                "Add the exit handler of docs/sources/webhooks.md to the workflow template.",
                "Its url: {address}",
            ),
            delivery='body.uid ~ "/" ~ body.status',
        ),
        Ready(
            "dbt-cloud",
            "dbt Cloud",
            "Runs that start, complete or fail.",
            (
                "Account settings, Webhooks, Create webhook.",
                "Endpoint: {address}",
                "dbt Cloud then shows a secret: write it here, with the signature"
                " “HMAC-SHA256 of the body in a header” and the header Authorization.",
            ),
            delivery="body.eventId",
        ),
        Ready(
            "static",
            "The same event each time",
            "Whatever is posted: that it was posted is what happened.",
            ("curl -X POST {address}",),
        ),
        Ready(
            "dynamic",
            "Fields of a JSON body",
            "Name, resource and message are taken from what is posted.",
            (CURL,),
        ),
        Ready(
            "pass-through",
            "Events as they are",
            "The body is an event already, or an array of events, in the schema of Prefect.",
            (CURL,),
        ),
        Ready(
            "cloudevent",
            "A CloudEvent",
            "Structured or in ce- headers; its subject, else its source, is the resource.",
            (
                "curl -X POST {address} --data @event.json"
                " -H 'Content-Type: application/cloudevents+json'",
            ),
        ),
    )
}
