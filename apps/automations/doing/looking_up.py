"""Looking whether the blocks that actions name are there, before they are kept.

It asks Prefect servers, so it has no place in a transaction.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from apps.automations.doing import actions
from apps.automations.doing.actions import BadAction
from apps.automations.doing.blocks import check_block
from apps.automations.doing.destinations import PrefectServer, may_be_private, opened
from apps.automations.doing.job import CannotDo, Job
from apps.automations.doing.prefect import Server
from apps.automations.models import Automation, Destination
from eventfeed.sealed import CannotOpen

LONGEST = 10.0
"""Seconds for all blocks of an automation."""
SHORTEST = 0.1


def look_up(automation: Automation, said: Iterable[tuple[str, Any]]) -> None:
    """Look for the blocks of these actions of an automation, each told with its path.

    Raises BadAction for what is not there, or cannot be asked for within ten seconds.
    """
    end = time.monotonic() + LONGEST
    seen: set[tuple[str, UUID, str | None]] = set()
    for path, one in said:
        action = actions.read(one, path)
        if not isinstance(action, actions.Prefect) or action.type not in actions.BLOCKS:
            continue
        block = UUID(str(action.told["block_document_id"]))
        if (action.type, block, action.destination) not in seen:
            seen.add((action.type, block, action.destination))
            _look_up(automation, action, block, path, within=max(end - time.monotonic(), SHORTEST))


def _look_up(
    automation: Automation, action: actions.Prefect, block: UUID, path: str, *, within: float
) -> None:
    destination = actions.prefect_server(action, path)
    try:
        server = _server(automation, action, destination, within=within)
        check_block(action.type, server.read("GET", f"/block_documents/{block}"))
    except (CannotDo, CannotOpen) as error:
        say = f"Its block cannot be taken from the Prefect server “{destination.name}”. {error}"
        raise BadAction(f"{path}.block_document_id", say) from None


def _server(
    automation: Automation, action: actions.Prefect, destination: Destination, *, within: float
) -> Server:
    address = opened(destination)
    assert isinstance(address, PrefectServer)
    private = may_be_private(address.url, destination)
    context = {"automation": {"id": automation.id, "name": automation.name}}
    job = Job(id=uuid4(), action=action, context=context, private=private)
    return Server(job, address, within)
