"""Webhooks of the demo's platform, read by the ready templates: releases on GitHub, alerts."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from apps.ingest.adapters.message import Message as Wire
from apps.ingest.demo.story import Message, Story
from apps.ingest.hooks.drafting import Recipe
from apps.ingest.hooks.reading import asked, elements_in
from apps.ingest.hooks.ready import READY
from apps.ingest.hooks.rendering import render_now

# The hooks of the demo are in no table; none there has this number.
NO_HOOK = 0
REPOSITORY = {
    "id": 4501200,
    "name": "data-platform",
    "full_name": "acme/data-platform",
    "private": True,
    "default_branch": "main",
}
PEOPLE = ("maria-k", "dana-w", "jonas-b")
COMMITS = (
    "Load orders before customers",
    "Read the discount of an order",
    "Retry the CRM when it answers 429",
    "Score customers by their last 90 days",
)


def deliver(story: Story, ready: str, body: Message, **headers: str) -> None:
    """Send a delivery to a hook that has one of the ready templates."""
    hook = READY[ready]
    recipe = Recipe(NO_HOOK, hook.title, hook.template, hook.delivery)
    named = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    message = Wire(msgspec.json.encode(body), headers=named)
    answer = render_now(asked(recipe, message))
    story.keep(elements_in(answer, recipe, message))


def github(story: Story, event: str, body: Message, person: str) -> None:
    sender = {"login": person, "type": "User"}
    told = {**body, "repository": REPOSITORY, "sender": sender}
    deliver(story, "github", told, X_GitHub_Event=event, X_GitHub_Delivery=story.some_id())


class Release(NamedTuple):
    person: str
    sha: str
    text: str


def pushed_release(story: Story) -> Release | None:
    """A push and its checks; returns what may be deployed, None where they failed."""
    rng = story.rng
    release = Release(rng.choice(PEOPLE), story.some_hex(40), rng.choice(COMMITS))
    commit = {
        "id": release.sha,
        "message": release.text,
        "timestamp": whole_seconds(story),
        "author": {"name": release.person, "username": release.person},
    }
    push = {
        "ref": "refs/heads/main",
        "after": release.sha,
        "compare": f"https://github.com/acme/data-platform/commit/{release.sha[:12]}",
        "head_commit": commit,
        "commits": [commit],
    }
    github(story, "push", push, release.person)
    return release if checked(story, release) else None


def checked(story: Story, release: Release) -> bool:
    """Let the checks of a push run; say whether they passed."""
    number = story.rng.randrange(300, 900)
    run = {
        "id": 8_123_450_000 + number,
        "name": "Checks",
        "display_title": release.text,
        "run_number": number,
        "head_branch": "main",
        "head_sha": release.sha,
        "html_url": f"https://github.com/acme/data-platform/actions/runs/{number}",
    }
    for action, seconds in (("requested", 2), ("in_progress", 5)):
        story.wait(seconds)
        status = "queued" if action == "requested" else action
        told = {**run, "status": status, "conclusion": None, "updated_at": whole_seconds(story)}
        github(story, "workflow_run", {"action": action, "workflow_run": told}, release.person)
    story.wait(90)
    passed = not story.chance(0.2)
    conclusion = "success" if passed else "failure"
    ended = {
        **run,
        "status": "completed",
        "conclusion": conclusion,
        "updated_at": whole_seconds(story),
    }
    github(story, "workflow_run", {"action": "completed", "workflow_run": ended}, release.person)
    return passed


def alert(story: Story, name: str, job: str) -> Message:
    """Alertmanager tells that an alert fires; returns it, to be resolved."""
    firing: Message = {
        "status": "firing",
        "labels": {
            "alertname": name,
            "severity": "warning",
            "namespace": "streams",
            "service": job,
        },
        "annotations": {"summary": f"{job} has restarted within the last 5 minutes"},
        "startsAt": story.stamp,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.monitoring:9090/graph?g0.expr=flink_jobmanager_restarts",
        "fingerprint": story.some_hex(16),
    }
    send_alert(story, firing)
    return firing


def resolved(story: Story, firing: Message) -> None:
    send_alert(story, {**firing, "status": "resolved", "endsAt": story.stamp})


def send_alert(story: Story, told: Message) -> None:
    group = f'{{}}:{{alertname="{told["labels"]["alertname"]}"}}'
    body = {
        "version": "4",
        "groupKey": group,
        "status": told["status"],
        "receiver": "eventfeed",
        "externalURL": "http://alertmanager.monitoring:9093",
        "alerts": [told],
    }
    deliver(story, "alertmanager", body)


def dbt_cloud_job(story: Story) -> None:
    """dbt Cloud rebuilds the sandbox; its webhook tells when it starts and ends."""
    run = str(218_000_000 + story.rng.randrange(900_000))
    started = whole_seconds(story)
    states = [("started", "Running"), ("completed", "Success")]
    if story.chance(0.2):
        states[1] = ("errored", "Errored")
    for event, status in states:
        errored = status == "Errored"
        ended = {} if event == "started" else {"runFinishedAt": whole_seconds(story)}
        data = {
            "jobId": "88231",
            "jobName": "Sandbox marts",
            "runId": run,
            "environmentId": "4100",
            "environmentName": "Sandbox",
            "dbtVersion": "1.10.15",
            "projectName": "Shop",
            "projectId": "9921",
            "runStatus": status,
            "runStatusMessage": "Compilation Error in model dim_customers" if errored else "None",
            "runReason": "Kicked off from the scheduler",
            "runStartedAt": started,
            **ended,
        }
        body = {
            "accountId": 10100,
            "eventId": f"wev_{story.some_hex(20)}",
            "timestamp": whole_seconds(story),
            "eventType": f"job.run.{event}",
            "webhookName": "Eventfeed",
            "data": data,
        }
        deliver(story, "dbt-cloud", body)
        story.wait(70)


def whole_seconds(story: Story) -> str:
    return story.now.strftime("%Y-%m-%dT%H:%M:%SZ")
