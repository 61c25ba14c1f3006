"""Somebody at the pages of webhooks, without a browser."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import uuid4

import httpx

from tests.ingest.conftest import Eventfeed

TEMPLATE = """{
  "event": "CORNER.{{ body.what }}",
  "resource": {"prefect.resource.id": "CORNER.thing"},
  "message": "{{ body.note|default('') }}"
}"""


@dataclass
class Made:
    """A hook that was made on the page."""

    id: int
    address: str

    def post(self, body: Any = None, **more: Any) -> httpx.Response:
        if body is None:
            return httpx.post(self.address, timeout=60, **more)
        if isinstance(body, bytes | str):
            return httpx.post(self.address, content=body, timeout=60, **more)
        return httpx.post(self.address, json=body, timeout=60, **more)


class Person:
    def __init__(self, eventfeed: Eventfeed) -> None:
        self.eventfeed = eventfeed
        url = f"http://127.0.0.1:{eventfeed.port}"
        self.client = httpx.Client(base_url=url, timeout=60, follow_redirects=True)

    def get(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Post a form as a browser does, with the token that the pages carry."""
        self.client.get("/hooks/new?from=static")
        token = self.client.cookies["csrftoken"]
        return self.client.post(path, data={"csrfmiddlewaretoken": token, **fields})

    def makes(self, **fields: str) -> Made:
        written = {
            "name": f"Hook {uuid4().hex[:8]}",
            "template": TEMPLATE.replace("CORNER", self.eventfeed.corner),
            "signature": "none",
            **fields,
        }
        answer = self.submit("/hooks", **written)
        assert answer.status_code == 200, answer.text
        return self.sees(int(answer.url.path.rpartition("/")[2]))

    def sees(self, id: int) -> Made:
        page = self.get(f"/hooks/{id}")
        found = re.search(r"<code>(http://[^<]+/hooks/[^<]+)</code>", page)
        assert found
        return Made(id, unescape(found[1]))
