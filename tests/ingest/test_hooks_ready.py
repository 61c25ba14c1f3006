"""The templates to begin with, each with what its system sends."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from apps.events.draft import RESOURCE_ID, RESOURCE_ROLE, Draft
from apps.events.words import icons, kind_of, words
from apps.ingest.adapters.message import Message, Unreadable
from apps.ingest.adapters.webhook.words import KINDS
from apps.ingest.hooks.drafting import Recipe
from apps.ingest.hooks.reading import asked, elements_in
from apps.ingest.hooks.ready import READY
from apps.ingest.hooks.rendering import render_now


def drafts(key: str, body: Any = None, **headers: str) -> list[Draft]:
    """Read a body, or what lies beside the template, as its hook would."""
    content = READY[key].sample.encode() if body is None else json.dumps(body).encode()
    found: list[Draft] = []
    for reading in readings(key, content, **headers):
        assert not isinstance(reading, Unreadable), reading.problems
        found += reading
    return found


def readings(key: str, content: bytes, **headers: str) -> list[tuple[Draft, ...] | Unreadable]:
    ready = READY[key]
    recipe = Recipe(1, ready.title, ready.template, ready.delivery)
    told = {name.lower(): value for name, value in ready.headers.items()}
    told |= {name.lower().replace("_", "-"): value for name, value in headers.items()}
    message = Message(content, told.get("content-type", "application/json"), headers=told)
    elements = elements_in(render_now(asked(recipe, message)), recipe, message)
    return [element.reading for element in elements]


def sample(key: str) -> Any:
    return json.loads(READY[key].sample)


def related(draft: Draft) -> dict[str, str]:
    return {one[RESOURCE_ROLE]: one[RESOURCE_ID] for one in draft.related}


@pytest.mark.parametrize("key", READY)
def test_every_sample_is_an_event(key: str) -> None:
    for draft in drafts(key):
        assert draft.system == "webhook"
        assert draft.event
        assert related(draft)["webhook"] == f"eventfeed.webhook.{READY[key].title}"


@pytest.mark.parametrize(
    "key", ["github", "gitlab", "alertmanager", "airflow", "argo", "dbt-cloud", "cloudevent"]
)
def test_a_retry_is_the_same_event(key: str) -> None:
    first, again = drafts(key), drafts(key)
    assert [draft.id for draft in first] == [draft.id for draft in again]
    assert [draft.occurred for draft in first] == [draft.occurred for draft in again]


@pytest.mark.parametrize("key", READY)
def test_a_failure_is_said_as_one(key: str) -> None:
    words = {
        "github": "failed",
        "gitlab": "failed",
        "alertmanager": "failed",
        "airflow": "failed",
        "argo": "failed",
        "dbt-cloud": "failed",
        "static": "completed",
    }
    assert drafts(key)[0].outcome.word == words.get(key, "information")


UNREADABLE = {
    "nothing": b"",
    "an empty text": b'""',
    "a number": b"5",
    "an empty array": b"[]",
    "an empty object": b"{}",
    "a state alone": b'{"status": "firing"}',
    "a kind alone": b'{"object_kind": "push", "event": "x", "eventType": "y"}',
    "a page": b"<html>Bad gateway</html>",
    "a form of something else": b"a=1&b=2",
}


@pytest.mark.parametrize("key", sorted(READY.keys() - {"static"}))
@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_no_delivery_is_lost_in_silence(key: str, content: bytes) -> None:
    (reading,) = readings(key, content)
    assert isinstance(reading, Unreadable)


@pytest.mark.parametrize("key", sorted(READY.keys() - {"static"}))
def test_half_a_delivery_is_refused(key: str) -> None:
    content = READY[key].sample.encode()
    (reading,) = readings(key, content[: len(content) // 2])
    assert isinstance(reading, Unreadable)


def test_a_form_of_github_is_the_event_in_it() -> None:
    content = urlencode({"payload": READY["github"].sample}).encode()
    (reading,) = readings("github", content, Content_Type="application/x-www-form-urlencoded")
    assert not isinstance(reading, Unreadable)
    (asked,) = drafts("github")
    (draft,) = reading
    assert (draft.event, draft.resource, draft.payload) == (
        asked.event,
        asked.resource,
        asked.payload,
    )


def test_what_happens_in_a_group_of_gitlab_is_about_the_group() -> None:
    body = {
        "event_name": "user_add_to_group",
        "created_at": "2026-11-21T09:12:03Z",
        "group_name": "Acme",
        "group_path": "acme",
        "user_username": "mkeller",
    }
    (draft,) = drafts("gitlab", body)
    assert draft.resource[RESOURCE_ID] == "gitlab.group.acme"
    assert related(draft)["actor"] == "gitlab.user.mkeller"


def test_a_push_to_github_is_about_its_repository() -> None:
    body = {
        "ref": "refs/heads/main",
        "compare": "https://github.com/acme/shop-data/compare/1...2",
        "commits": [{"id": "2", "message": 'Say "why"\n\nIt matters.', "author": {"name": "M"}}],
        "head_commit": {
            "id": "2",
            "message": 'Say "why"',
            "timestamp": "2026-11-21T10:00:00+01:00",
        },
        "repository": {"full_name": "acme/shop-data"},
        "sender": {"login": "maria-k"},
    }
    (draft,) = drafts("github", body, X_GitHub_Event="push")
    assert draft.event == "github.push"
    assert draft.resource[RESOURCE_ID] == "github.repository.acme/shop-data"
    assert draft.resource["github.branch"] == "main"
    assert draft.occurred.isoformat() == "2026-11-21T09:00:00+00:00"
    assert draft.message == 'Say "why"'
    assert draft.payload["commits"][0]["message"] == 'Say "why"\n\nIt matters.'


@pytest.mark.parametrize(
    ("event", "body", "name", "resource", "outcome"),
    [
        (
            "ping",
            {"zen": "x", "repository": {"full_name": "a/b"}},
            "ping",
            "repository.a/b",
            "information",
        ),
        (
            "pull_request",
            {
                "action": "closed",
                "pull_request": {"id": 5, "number": 12, "title": "T", "merged": True},
                "repository": {"full_name": "a/b"},
            },
            "pull_request.closed",
            "pull_request.a/b/5",
            "completed",
        ),
        (
            "issues",
            {
                "action": "opened",
                "issue": {"id": 7, "number": 3, "title": "T"},
                "repository": {"full_name": "a/b"},
            },
            "issues.opened",
            "issue.a/b/7",
            "information",
        ),
        (
            "workflow_run",
            {
                "action": "requested",
                "workflow_run": {"id": 9, "name": "N", "status": "queued", "conclusion": None},
                "repository": {"full_name": "a/b"},
            },
            "workflow_run.requested",
            "workflow_run.a/b/9",
            "waiting",
        ),
        (
            "deployment_status",
            {
                "action": "created",
                "deployment": {"id": 4},
                "deployment_status": {"state": "success"},
                "repository": {"full_name": "a/b"},
            },
            "deployment_status.created",
            "deployment.a/b/4",
            "completed",
        ),
        (
            "organization",
            {"action": "member_added", "organization": {"login": "acme", "id": 7}},
            "organization.member_added",
            "organization.acme",
            "information",
        ),
    ],
)
def test_other_events_of_github(
    event: str, body: Any, name: str, resource: str, outcome: str
) -> None:
    (draft,) = drafts("github", body, X_GitHub_Event=event)
    assert draft.event == f"github.{name}"
    assert draft.resource[RESOURCE_ID] == f"github.{resource}"
    assert draft.outcome.word == outcome


@pytest.mark.parametrize(
    ("body", "name", "resource", "outcome"),
    [
        (
            {
                "object_kind": "push",
                "ref": "refs/heads/main",
                "user_username": "m",
                "project": {"name": "S", "path_with_namespace": "a/s"},
                "commits": [{"id": "1", "message": "M", "author": {"name": "M"}}],
            },
            "push",
            "project.a/s",
            "information",
        ),
        (
            {
                "object_kind": "build",
                "ref": "main",
                "build_id": 771,
                "build_name": "load",
                "build_status": "success",
                "build_finished_at": "2026-11-21 02:09:45 UTC",
                "pipeline_id": 90,
                "project": {"name": "S", "path_with_namespace": "a/s"},
            },
            "job.success",
            "job.a/s/771",
            "completed",
        ),
        (
            {
                "object_kind": "merge_request",
                "project": {"name": "S", "path_with_namespace": "a/s"},
                "object_attributes": {
                    "iid": 4,
                    "title": "T",
                    "action": "merge",
                    "state": "merged",
                    "updated_at": "2026-11-21T02:09:45Z",
                },
            },
            "merge_request.merge",
            "merge_request.a/s/4",
            "completed",
        ),
        (
            {
                "object_kind": "deployment",
                "status": "running",
                "deployment_id": 15,
                "status_changed_at": "2026-11-21 02:09:45 +0000",
                "project": {"name": "S", "path_with_namespace": "a/s"},
            },
            "deployment.running",
            "deployment.a/s/15",
            "running",
        ),
    ],
)
def test_other_events_of_gitlab(body: Any, name: str, resource: str, outcome: str) -> None:
    (draft,) = drafts("gitlab", body)
    assert draft.event == f"gitlab.{name}"
    assert draft.resource[RESOURCE_ID] == f"gitlab.{resource}"
    assert draft.outcome.word == outcome


def test_an_alert_that_alertmanager_sends_again_is_the_same_event() -> None:
    body = sample("alertmanager")
    first = drafts("alertmanager", body)
    body["alerts"] = body["alerts"][:1]
    body["groupKey"] = "another"
    (again,) = drafts("alertmanager", body)
    assert (again.id, again.occurred) == (first[0].id, first[0].occurred)
    body["alerts"][0] |= {"status": "resolved", "endsAt": "2026-11-21T15:00:00Z"}
    (resolved,) = drafts("alertmanager", body)
    assert resolved.id != again.id
    assert resolved.resource[RESOURCE_ID] == again.resource[RESOURCE_ID]
    assert resolved.outcome.word == "completed"


def test_a_run_of_airflow_is_about_itself_and_its_dag() -> None:
    body = {"dag_id": "load", "run_id": "manual__1", "state": "success", "task_id": None}
    (draft,) = drafts("airflow", body)
    assert draft.event == "airflow.dag-run.success"
    assert draft.resource[RESOURCE_ID] == "airflow.dag-run.load/manual__1"
    assert related(draft)["dag"] == "airflow.dag.load"


def test_argo_says_which_step_failed() -> None:
    (draft,) = drafts("argo")
    assert draft.message == "fit-model: OOMKilled (exit code 137)"
    body = sample("argo") | {"status": "Succeeded", "failures": "null"}
    (draft,) = drafts("argo", body)
    assert (draft.event, draft.outcome.word) == ("argo.workflow.succeeded", "completed")
    assert draft.message is None


@pytest.mark.parametrize(
    ("kind", "status", "outcome"),
    [
        ("job.run.started", "Running", "running"),
        ("job.run.completed", "Success", "completed"),
        ("job.run.errored", "Errored", "failed"),
        ("job.run.completed", "Cancelled", "information"),
    ],
)
def test_dbt_cloud_says_how_a_run_stands(kind: str, status: str, outcome: str) -> None:
    body = sample("dbt-cloud")
    body["eventType"] = kind
    body["data"]["runStatus"] = status
    (draft,) = drafts("dbt-cloud", body)
    assert draft.event == f"dbt-cloud.{kind}"
    assert draft.outcome.word == outcome
    started = kind == "job.run.started"
    assert f"{draft.occurred:%H:%M:%S}" == ("05:00:03" if started else "05:12:41")


@pytest.mark.parametrize(
    ("key", "body", "event"),
    [
        ("github", {"ref": "refs/heads/main", "repository": {"full_name": "a/b"}}, "push"),
        (
            "github",
            {
                "action": "renamed",
                "repository": {"full_name": "a/b", "id": 4},
                "sender": {"login": "m"},
            },
            "repository",
        ),
        ("gitlab", {"object_kind": "push", "project": {"path_with_namespace": "a/b"}}, ""),
        (
            "gitlab",
            {
                "object_kind": "push",
                "project": {"path_with_namespace": "a/b"},
                "user_username": "m",
            },
            "",
        ),
    ],
)
def test_what_is_about_its_repository_is_not_related_to_it(key: str, body: Any, event: str) -> None:
    (draft,) = drafts(key, body, X_GitHub_Event=event)
    assert draft.resource[RESOURCE_ID].endswith("/b")
    assert draft.resource[RESOURCE_ID] not in related(draft).values()


@pytest.mark.parametrize(
    ("conclusion", "said"),
    [
        ("success", "Workflow run succeeded"),
        ("failure", "Workflow run failed"),
        ("timed_out", "Workflow run timed out"),
        ("cancelled", "Workflow run cancelled"),
        ("never_heard_of", "Workflow run completed"),
    ],
)
def test_a_run_of_github_says_how_it_ended(conclusion: str, said: str) -> None:
    body = sample("github")
    body["workflow_run"]["conclusion"] = conclusion
    (draft,) = drafts("github", body)
    told = words(draft.event, draft.resource)
    assert (told.text, told.kind, told.outcome) == (said, "workflow run", draft.outcome)


@pytest.mark.parametrize(
    ("event", "labels", "said"),
    [
        ("github.pull_request.closed", {"github.state": "merged"}, "Pull request merged"),
        ("github.pull_request.closed", {}, "Pull request closed"),
        ("github.push", {}, "Push"),
        ("github.ping", {}, "GitHub ping"),
        ("gitlab.push", {}, "Push"),
        ("gitlab.wiki_page", {}, "GitLab wiki page"),
    ],
)
def test_events_of_code_hosts_are_told_in_their_words(
    event: str, labels: dict[str, str], said: str
) -> None:
    assert words(event, labels).text == said


def test_every_resource_of_the_samples_has_a_kind_with_an_icon() -> None:
    assert {kind.icon for kind in KINDS.values()} <= icons()
    for key in ("github", "gitlab", "alertmanager", "airflow", "argo", "dbt-cloud"):
        for draft in drafts(key):
            ids = [draft.resource[RESOURCE_ID]]
            ids += [one[RESOURCE_ID] for one in draft.related if one[RESOURCE_ROLE] != "webhook"]
            assert [id for id in ids if kind_of(id) not in KINDS.values()] == []
