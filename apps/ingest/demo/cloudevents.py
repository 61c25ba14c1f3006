"""CloudEvents of the demo's platform: the shop's own, and those of the lake's storage."""

from __future__ import annotations

from apps.ingest.demo.lake import CHURN_FEATURES, Dataset
from apps.ingest.demo.story import Message, Story

STRUCTURED = "application/cloudevents+json"


def send(story: Story, type: str, source: str, subject: str, data: Message) -> None:
    event = {
        "specversion": "1.0",
        "id": story.some_id(),
        "source": source,
        "type": type,
        "subject": subject,
        "time": story.stamp,
        "datacontenttype": "application/json",
        "data": data,
    }
    story.say("cloudevents", event, content_type=STRUCTURED)


def shop_order(story: Story) -> None:
    """An order of the shop, from the basket to the door."""
    order = f"orders/{story.rng.randrange(10_000, 99_999)}"
    amount = round(story.rng.lognormvariate(4, 0.8), 2)
    for step, seconds in (("placed", 3), ("payment.pending", 20)):
        send(story, f"com.acme.order.{step}", "/acme/shop", order, {"amount": amount})
        story.wait(seconds)
    if story.chance(0.08):
        why = {"amount": amount, "reason": "The bank has declined the card"}
        send(story, "com.acme.order.payment.failed", "/acme/shop", order, why)
        return
    send(story, "com.acme.order.payment.succeeded", "/acme/shop", order, {"amount": amount})
    story.wait(50)
    parcel = {"carrier": story.rng.choice(["DHL", "UPS", "PostNL"]), "parcels": 1}
    send(story, "com.acme.order.shipped", "/acme/warehouse", order, parcel)


def written_file(story: Story, dataset: Dataset = CHURN_FEATURES) -> None:
    """The lake's storage tells that a file of a dataset was written."""
    key = f"{dataset.name}/part-{story.rng.randrange(100):05d}.parquet"
    send(
        story,
        "com.acme.storage.object.created",
        dataset.namespace,
        key,
        {"bucket": "acme-lake", "key": key, "size": story.rng.randrange(1_000_000, 60_000_000)},
    )
