"""Every recorded message twice, from two connections, in any order: each event is stored once."""

import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx

from apps.ingest.dialects import DIALECTS
from tests.ingest.conftest import Eventfeed
from tests.ingest.test_every_adapter import Sample, drafts_in, identity, samples_of

DOORS = {
    "openlineage": "/api/v1/lineage",
    "cloudevents": "/api/cloudevents",
    "flyte": "/api/v1/events",
    "flink": "/v1/logs",
    "otel": "/v1/logs",
    "prefect": "/api/events",
}
SAMPLES = [sample for system in DIALECTS for sample in samples_of(system)]


def test_every_message_twice_from_two_connections_is_every_event_once(
    eventfeed: Eventfeed,
) -> None:
    # The order is another at each run; a failing one is shown with its seed.
    seed = random.randrange(10_000)
    told = {identity(draft) for sample in SAMPLES for draft in drafts_in(sample.read())}
    expected = Counter(one if isinstance(one, UUID) else one[0] for one in told)
    with ThreadPoolExecutor(2) as senders:
        answers = senders.map(send, [eventfeed.port] * 2, [seed, seed + 1])
        assert {status for sent in answers for status in sent} <= {200, 201, 204}
    stored = eventfeed.query(
        "SELECT id, count(*) FROM event WHERE id = ANY(%s) GROUP BY id", list(expected)
    )
    assert dict(stored) == expected, f"seed {seed}"


def send(port: int, seed: int) -> Sequence[int]:
    """Send all samples in an order of this seed over one connection; return the answers."""
    order = random.Random(seed).sample(SAMPLES, len(SAMPLES))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as sender:
        return [post(sender, sample) for sample in order]


def post(sender: httpx.Client, sample: Sample) -> int:
    message = sample.message
    kind = f"/{message.kind}" if message.kind else ""
    headers = {**message.headers, "content-type": message.content_type}
    told = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = sender.post(f"{DOORS[sample.system]}{kind}", content=message.body, headers=told)
    return answer.status_code
