"""Someone with a browser, and a sender whose events are theirs alone."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Page, expect

from tests.crash.up import Up

# Two cores may be busy with other tests: slow is not wrong.
expect.set_options(timeout=30_000)


class Visitor:
    def __init__(self, up: Up, page: Page) -> None:
        self.up = up
        self.page = page
        self.corner = f"corner{uuid4().hex[:10]}"
        self.mistakes: list[str] = []
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.up.port}"

    def send(self, *events: dict[str, Any]) -> None:
        sent = httpx.post(f"{self.url}/api/events", json=list(events), timeout=30)
        assert sent.status_code < 300, sent.text

    def event(self, name: str = "happened", **fields: Any) -> dict[str, Any]:
        return {
            "id": str(uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": f"{self.corner}.{name}",
            "resource": {"prefect.resource.id": f"{self.corner}.thing"},
            "related": [],
            "payload": {},
            **fields,
        }

    def visit(self, path: str = "") -> None:
        self.page.goto(self.url + (path or f"/?q=any:{self.corner}.*"))

    def watch(self) -> None:
        self.visit()
        self.sees_state("live")

    def sees_state(self, state: str) -> None:
        expect(self.page.locator(f".live[data-state={state}]")).to_be_visible()

    def row(self, name: str) -> Any:
        return self.page.locator(".row", has_text=f"{self.corner}.{name}")

    def names(self) -> list[str]:
        return [
            name.removeprefix(f"{self.corner}.")
            for name in self.page.locator(".row .raw code").all_text_contents()
        ]
