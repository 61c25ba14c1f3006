"""Where one test of Prefect's clients tells and reads, beside the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

PATIENCE = 120


@dataclass
class Corner:
    """One test's own corner of a running Eventfeed."""

    port: int
    name: str = field(default_factory=lambda: f"test-{uuid4().hex[:12]}")

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def stream(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/events/out"

    def tell(self, count: int = 1, **fields: Any) -> list[str]:
        """Post events that happen now; return their ids."""
        told = [
            {
                "id": str(uuid4()),
                "occurred": datetime.now(UTC).isoformat(),
                "event": f"{self.name}.happened",
                "resource": {"prefect.resource.id": f"{self.name}.thing"},
                "payload": {"number": number},
                **fields,
            }
            for number in range(count)
        ]
        httpx.post(f"{self.api}/events", json=told, timeout=PATIENCE).raise_for_status()
        return [event["id"] for event in told]
