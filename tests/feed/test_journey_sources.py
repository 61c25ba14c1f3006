"""With a browser: a source is added, its lines are pasted, and waiting turns into the event."""

import os
import re
import subprocess

import pytest
from playwright.sync_api import expect

PASTED = """set -e; {lines}
curl -sf "$OPENLINEAGE_URL/api/v1/lineage" -H "Authorization: Bearer $OPENLINEAGE_API_KEY" \
  -H "Content-Type: application/json" -d '{event}'"""
EVENT = """{"eventType": "START", "eventTime": "2026-01-02T03:04:05Z", "producer": "https://me.org",
"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
"run": {"runId": "019a9f1c-7f9e-7b1e-8b1e-0123456789ab"},
"job": {"namespace": "shop", "name": "CORNER"}, "inputs": [], "outputs": []}"""


def paste(lines: str, event: str) -> None:
    """Do in a shell what a person does."""
    script = PASTED.format(lines=lines, event=event)
    subprocess.run(["bash", "-c", script], check=True, env={"PATH": os.environ["PATH"]})


def add(visitor, kind: str, name: str) -> str:
    page = visitor.page
    visitor.visit("/sources")
    page.get_by_role("link", name="Add a source").first.click()
    page.get_by_role("link", name=kind).click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Show the lines to paste").click()
    expect(page.get_by_text("event…")).to_be_visible()
    return page.locator(".snippet code").first.inner_text()


def test_a_pasted_source_turns_from_waiting_into_its_event(visitor):
    lines = add(visitor, "OpenLineage, Python client", visitor.corner)
    assert re.search(r"ef_[\w-]{43}", lines)
    visitor.page.evaluate("window.stayed = true")
    paste(lines, EVENT.replace("CORNER", visitor.corner))
    expect(visitor.page.locator("first-event .row")).to_contain_text(visitor.corner)
    assert visitor.page.evaluate("window.stayed")
    visitor.page.get_by_role("link", name="See OpenLineage in the feed").click()
    expect(visitor.page.locator(".row", has_text=visitor.corner)).to_have_count(1)


def test_a_refused_event_is_told_while_waiting_and_can_be_tried_again(visitor):
    lines = add(visitor, "OpenLineage, Python client", visitor.corner)
    with pytest.raises(subprocess.CalledProcessError):
        paste(lines, EVENT.replace('"CORNER"', "5"))
    page = visitor.page
    page.locator("first-event .notes a").first.click()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".notes")).to_contain_text("Refused again:")


def test_without_a_script_one_looks_again(up, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{up.port}/sources/add/openlineage-python")
    page.get_by_label("Name").fill("without a script")
    page.get_by_role("button", name="Show the lines to paste").click()
    lines = page.locator(".snippet code").first.inner_text()
    paste(lines, EVENT.replace("CORNER", "unscripted"))
    while page.locator(".row").count() == 0:
        page.get_by_role("link", name="Look again").click()
    expect(page.locator(".row")).to_contain_text("unscripted")
    context.close()


def test_a_copy_button_copies_the_lines(visitor):
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lines = add(visitor, "Apache Spark", visitor.corner)
    button = visitor.page.locator("button.copy").first
    button.click()
    expect(button).to_have_text("Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == lines
