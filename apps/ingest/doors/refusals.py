"""What a door refuses: said to the sender, and kept for people to look at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.events.rejections import EXCERPT, Rejected, reject
from apps.events.row import Refused
from apps.ingest.adapters.cloudevents.envelopes import TO_CONFIRM
from apps.ingest.adapters.message import Message, Problem, Unreadable
from apps.ingest.masking import rules_of, sounds_secret, without_passwords
from apps.ingest.overwriting import masked_bytes
from eventfeed.patience import PATIENCE

# What is about the connection, or would let somebody in.
OF_THE_WAY = {
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "transfer-encoding",
}
LONGEST_HEADER = 1_000


@dataclass(frozen=True)
class Refusal:
    """One thing that was refused: what is wrong, in which event of the message, and its bytes."""

    problem: Problem
    raw: bytes = b""
    index: int | None = None
    event_id: str | None = None

    @property
    def detail(self) -> dict[str, Any]:
        """An entry of `exception_detail`, as pydantic would write it."""
        problem = self.problem
        index = () if self.index is None else (self.index,)
        return {
            "type": problem.type,
            "loc": ["body", *index, *problem.path],
            "msg": problem.reason,
            "input": problem.found,
        }

    @property
    def sentence(self) -> str:
        event = "" if self.index is None else f"Event {self.index}"
        place = ", ".join(part for part in (event, self.problem.where) if part)
        return f"{place}: {self.problem.reason}" if place else self.problem.reason


def refusals_in(
    unreadable: Unreadable, raw: bytes, *, index: int | None = None
) -> Iterator[Refusal]:
    for problem in unreadable.problems:
        yield Refusal(problem, raw, index, unreadable.event_id)


def refusal_by_database(refused: Refused, raw: bytes) -> Refusal:
    """Say what only PostgreSQL knew to refuse."""
    path = (refused.path,) if refused.path else ()
    return Refusal(Problem(path, "value_error", refused.say), raw, refused.index)


async def keep(
    refusals: Iterable[Refusal],
    *,
    source_id: int,
    doorway: str,
    system: str = "",
    message: Message | None = None,
    within: float = PATIENCE,
) -> None:
    """Keep refusals of a known sender, to be looked at and tried again; raises DatabaseAway."""
    rules = rules_of(source_id)
    hidden = lru_cache(lambda raw: masked_bytes(raw, rules))

    def rejected() -> Iterator[Rejected]:
        for refusal in refusals:
            raw = refusal.raw[:EXCERPT]
            # The address that a person may call must be whole; who may not, is shown it masked.
            body = raw if refusal.problem.where == TO_CONFIRM else hidden(raw)
            yield Rejected(
                source_id=source_id,
                doorway=doorway,
                index=refusal.index,
                path=refusal.problem.where,
                reason=refusal.problem.reason,
                body=body,
                size=len(refusal.raw),
                event_id=refusal.event_id,
                system=system,
                kind=message.kind if message else "",
                content_type=message.content_type if message else "",
                headers=harmless(message.headers) if message else {},
                type=refusal.problem.type,
            )

    await reject(rejected, within=within)


def harmless(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that say something of the message, and no secret."""
    return {
        name: without_passwords(value)[:LONGEST_HEADER]
        for name, value in headers.items()
        if name not in OF_THE_WAY and not sounds_secret(name)
    }
