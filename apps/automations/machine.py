"""The state machine of one automation: events and the clock in, decisions out.

It knows no database and no clock of its own. Whoever feeds it the same events with the same clock
gets the same decisions: the follower and the backtest do, so both mean the same. What is decided by
time is decided by the events taken until the clock passes it, whatever comes between: events that
fit none of its queries need not be handed over, as long as the clock told with each that does is
the clock of the whole log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any
from uuid import UUID

from apps.automations.composite import OfComposite
from apps.automations.decision import (
    SECOND,
    Decision,
    Kept,
    Place,
    Seen,
    micros,
    moment_of,
)
from apps.automations.metric import OfMetric
from apps.automations.node import Core, Key, Node, written_key
from apps.automations.trigger import (
    Absence,
    Composite,
    Metric,
    Presence,
    Trigger,
)
from apps.automations.windows import OfAbsence, OfAbsenceAtAll, OfPresence
from apps.query import Query

# Seconds that an absence waits for what is still on its way.
GRACE = 10.0
LONGEST_HEAP = 1_000

AnyNode = Node[Any, Any]


class Machine:
    """An automation of one version at work.

    `queries` are what it asks of events: `take` is told the numbers of those that fit.
    """

    def __init__(
        self,
        trigger: Trigger,
        automation_id: UUID,
        version: int,
        start: datetime,
        late: float,
        grace: float = GRACE,
    ) -> None:
        self.trigger = trigger
        self.core = Core(
            automation_id, version, micros(start), round(late * SECOND), round(grace * SECOND)
        )
        self.queries: list[Query] = []
        self.too_late = 0
        """How many events came too late, or were taken over, since this was last set to 0."""
        self._nodes: list[AnyNode] = []
        self._parents: list[tuple[AnyNode, int] | None] = []
        self._leaves: list[tuple[AnyNode, int, int | None]] = []
        self._due: list[tuple[int, int, Key]] = []
        self._old: list[tuple[int, int, Key]] = []
        self._changed: set[tuple[int, Key]] = set()
        self._add(trigger, None)
        for node in self._nodes:
            node.begin()
        self._settle()

    # Feeding it

    def take(self, seen: Seen, clock: datetime, fits: Collection[int]) -> list[Decision]:
        """Decide what is due by the clock, then take an event that fits these of its queries."""
        at, place = micros(clock), Place(seen.tx, seen.seq)
        decisions = self._decide(at, place) if self._due and self._due[0][0] <= at else []
        if not fits:
            return decisions
        if seen.is_imported or seen.received - seen.at > self.core.late:
            self.too_late += 1
            return decisions
        for leaf, expected, after in self._leaves:
            expects, starts = expected in fits, after in fits
            if expects or starts:
                decided = leaf.take(seen, at, expects=expects, starts=starts)
                decisions += self._up(leaf, decided)
        self._settle()
        if self._old and self._old[0][0] <= at:
            self._sweep(at)
        return decisions

    def tick(self, clock: datetime, place: tuple[int, int]) -> list[Decision]:
        """Decide what is due by the clock, which has come so far at this place of the log."""
        decisions = self._decide(at := micros(clock), Place(*place))
        self._sweep(at)
        return decisions

    def due(self) -> datetime | None:
        """Return when the clock next decides something."""
        return moment_of(self._due[0][0]) if self._due else None

    # Keeping it

    def dirty(self) -> dict[str, Kept | None]:
        """Return what has changed since this was last asked, by its name; None is forgotten."""
        changed, self._changed = self._changed, set()
        return {written_key(number, key): self._nodes[number].kept(key) for number, key in changed}

    def load(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Take up all states as they were kept."""
        for node in self._nodes:
            node.states.clear()
        for told in states.values():
            node = self._nodes[told["node"]]
            node.remember(tuple(told["key"]), node.read(told))
        self._due.clear()
        self._old.clear()
        self._settle()
        self._changed.clear()

    # The tree

    def _add(self, trigger: Trigger, parent: tuple[AnyNode, int] | None) -> None:
        node = node_of(trigger, self.core, len(self._nodes))
        self._nodes.append(node)
        self._parents.append(parent)
        queries = [] if trigger.parts() else list(trigger.queries())
        if queries:
            first = len(self.queries)
            self.queries += queries
            self._leaves.append((node, first, first + 1 if len(queries) > 1 else None))
        for at, part in enumerate(trigger.parts()):
            self._add(part, (node, at))

    def _up(self, node: AnyNode, decided: Sequence[Decision]) -> Iterator[Decision]:
        """Hand decisions on to what the node is a part of; yield those of the whole."""
        parent = self._parents[node.number]
        if parent is None:
            yield from decided
            return
        above, part = parent
        for decision in decided:
            yield from self._up(above, above.hear(part, decision))

    # Time

    def _decide(self, clock: int, place: Place) -> list[Decision]:
        decisions: list[Decision] = []
        while self._due and self._due[0][0] <= clock:
            due, number, key = self._due[0]
            node = self._nodes[number]
            state = node.states.get(key)
            if state is None or state.due != due:
                heappop(self._due)
                continue
            decisions += self._up(node, node.decide(key, due, clock, place))
            self._settle()
        return decisions

    def _settle(self) -> None:
        """Note when what has changed is due, and when it is worthless."""
        touched, waiting = self.core.touched, self.core.waiting
        if not touched and not waiting:
            return
        for number, key in touched | waiting:
            state = self._nodes[number].states.get(key)
            if state is not None:
                if state.due is not None:
                    heappush(self._due, (state.due, number, key))
                if state.forget is not None:
                    heappush(self._old, (state.forget, number, key))
        self._changed |= touched
        touched.clear()
        waiting.clear()
        self._tidy()

    def _tidy(self) -> None:
        """Drop what was noted of states that have changed since, so that `due` tells the truth."""
        while self._due and not self._is_due(*self._due[0]):
            heappop(self._due)
        for heap in (self._due, self._old):
            if len(heap) > LONGEST_HEAP and len(heap) > 4 * sum(
                len(node.states) for node in self._nodes
            ):
                heap[:] = {one for one in heap if self._is_noted(*one)}
                heapify(heap)

    def _is_noted(self, at: int, number: int, key: Key) -> bool:
        state = self._nodes[number].states.get(key)
        return state is not None and at in (state.due, state.forget)

    def _is_due(self, due: int, number: int, key: Key) -> bool:
        state = self._nodes[number].states.get(key)
        return state is not None and state.due == due

    def _sweep(self, clock: int) -> None:
        """Forget what cannot matter any more; that it does not, its node knows by itself."""
        while self._old and self._old[0][0] <= clock:
            forget, number, key = heappop(self._old)
            node = self._nodes[number]
            state = node.states.get(key)
            if state is not None and state.forget == forget and state.due is None:
                node.remember(key, None)
        self._settle()


def node_of(trigger: Trigger, core: Core, number: int) -> AnyNode:
    """Make the node in which a trigger works."""
    match trigger:
        case Presence():
            return OfPresence(trigger, core, number)
        case Absence(after=None):
            return OfAbsenceAtAll(trigger, core, number)
        case Absence():
            return OfAbsence(trigger, core, number)
        case Composite():
            return OfComposite(trigger, core, number)
        case Metric():
            return OfMetric(trigger, core, number)
    raise TypeError(trigger)
