"""All that happens on the demo's platform: how often each story begins, and those of two systems.

What happens rarely is dealt like cards, so that a day has each of them once or more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from random import Random

from apps.events.draft import Draft
from apps.ingest.demo import (
    cloudevents,
    flink,
    flyte,
    openlineage,
    prefect,
    prefect_rarely,
    webhooks,
)
from apps.ingest.demo.story import Story

Tells = Callable[[Story], None]


def churn(story: Story) -> None:
    """Flyte writes the features of customers; Spark reads them and writes their scores."""
    flyte.made_features(story)
    story.wait(15)
    openlineage.score_customers(story)


def release(story: Story) -> None:
    """A push to GitHub; when its checks pass, a deployment of Prefect's follows."""
    pushed = webhooks.pushed_release(story)
    if pushed is None:
        return
    story.wait(8)
    prefect.deployed(story, version=pushed.sha[:7])


OFTEN: Mapping[Tells, float] = {
    prefect.scheduled_run: 0.40,
    prefect.paid_invoice: 0.11,
    prefect.limited_slot: 0.08,
    prefect.changed_deployment: 0.02,
    prefect.unready_pool: 0.02,
    prefect.changed_variable: 0.01,
    cloudevents.shop_order: 0.14,
    openlineage.orders_dag: 0.06,
    churn: 0.04,
    flyte.made_features: 0.04,
    flyte.failed_features: 0.01,
    flink.enriched_orders: 0.03,
    release: 0.03,
    webhooks.dbt_cloud_job: 0.01,
}
RARELY: tuple[Tells, ...] = (
    *flyte.RARELY,
    *flink.RARELY,
    *openlineage.RARELY,
    churn,
    release,
    *(partial(prefect_rarely.chain, of=one) for one in prefect_rarely.CHAINS),
    *(partial(prefect_rarely.odd_run, kind=kind) for kind in ("flow-run", "task-run")),
)
SHARE_OF_RARE = 0.05


class Stories:
    """Begins one story after the other; what is rare comes in another order each round."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.deck: list[Tells] = []

    def next(self, start: datetime) -> list[Draft]:
        story = Story(self.rng, start)
        tell = self.deal() if story.chance(SHARE_OF_RARE) else self.usual()
        tell(story)
        return story.told

    def usual(self) -> Tells:
        (tell,) = self.rng.choices(list(OFTEN), list(OFTEN.values()))
        return tell

    def deal(self) -> Tells:
        if not self.deck:
            self.deck = self.rng.sample(RARELY, len(RARELY))
        return self.deck.pop()
