"""`POST /api/v1/lineage` and `/api/v1/lineage/batch`: OpenLineage's events.

Its clients live with these answers only: 200 or 201 with a body (Java's fails on 204, Go's on all
others), 503 for later (the one status that Python, Java and async Python all send again), and for
an event that cannot be read a 4xx without Retry-After, which is not sent again.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from apps.ingest.adapters.message import Message, Problem
from apps.ingest.adapters.openlineage.adapter import read_openlineage
from apps.ingest.doors.answers import Answer
from apps.ingest.doors.door import Door, Taken
from apps.ingest.doors.refusals import Refusal


class Lineage(Door):
    """One event; or an array of them, which is answered as a batch is."""

    name = "POST /api/v1/lineage"
    system = "openlineage"
    source = "OpenLineage"
    adapter = staticmethod(read_openlineage)
    partly = True

    def accepted(self, message: Message, taken: Taken) -> Answer:
        if self.kind == "batch" or is_array(message):
            return batch_answer(taken.received, taken.refusals)
        known = taken.recorded.known > 0
        return Answer(200 if known else 201, {"status": "success", "duplicate": known})


class LineageBatch(Lineage):
    name = "POST /api/v1/lineage/batch"
    kind = "batch"


def is_array(message: Message) -> bool:
    return message.body.lstrip()[:1] == b"["


def batch_answer(received: int, refusals: Sequence[Refusal]) -> Answer:
    """Answer as https://openlineage.io/spec has it, which knows no word for a failure of all."""
    failed = [
        {"index": index, "reason": _reason(of_event), "retriable": False}
        for index, of_event in groupby(refusals, key=lambda refusal: refusal.index)
    ]
    told = {
        "status": "partial_success" if failed else "success",
        "summary": {
            "received": received,
            "successful": received - len(failed),
            "failed": len(failed),
            "retriable": 0,
            "non_retriable": len(failed),
        },
        "failed_events": failed,
    }
    return Answer(200, told)


def _reason(refusals: Iterable[Refusal]) -> str:
    return " ".join(_sentence(refusal.problem) for refusal in refusals)


def _sentence(problem: Problem) -> str:
    return f"{problem.where}: {problem.reason}" if problem.where else problem.reason


post_event = Lineage()
post_batch = LineageBatch()
