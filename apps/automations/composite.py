"""Sequence and compound: triggers of triggers, judged by what their firings are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.automations.decision import SECOND, Decision, micros
from apps.automations.node import Core, Key, Node, last_marks
from apps.automations.trigger import Composite, Compound, duration


@dataclass
class Waiting:
    """The newest firing of each part so far, in the order of their arrival."""

    keep: int | None
    """How long a firing may matter; None for good."""
    firings: dict[int, Decision] = field(default_factory=dict)

    due = None

    @property
    def forget(self) -> int | None:
        if self.keep is None:
            return None
        return max(micros(one.moment) for one in self.firings.values()) + self.keep

    def told(self) -> dict[str, Any]:
        return {"firings": [[part, one.as_json()] for part, one in self.firings.items()]}


class OfComposite(Node[Composite, Waiting]):
    def __init__(self, trigger: Composite, core: Core, number: int) -> None:
        super().__init__(trigger, core, number)
        self.span = None if trigger.within is None else round(trigger.within * SECOND)
        self.require = trigger.require if isinstance(trigger, Compound) else len(trigger.triggers)

    def _waiting(self) -> Waiting:
        if self.span is None:
            return Waiting(None)
        # Nothing that is still to come is about an earlier moment.
        return Waiting(self.span + self.core.late + self.core.grace)

    def read(self, told: Mapping[str, Any]) -> Waiting:
        waiting = self._waiting()
        waiting.firings = {part: Decision.of_json(one) for part, one in told["firings"]}
        return waiting

    def hear(self, part: int, decision: Decision) -> Sequence[Decision]:
        if decision.kind != "triggered":
            return ()
        key = tuple([decision.key.get(one.name, "") for one in self.trigger.for_each])
        if self.require == 1:
            return [self._fire(key, {part: decision})]
        waiting = self.states.get(key) or self._waiting()
        known = waiting.firings.get(part)
        if known is None or known.moment <= decision.moment:
            waiting.firings.pop(part, None)
            waiting.firings[part] = decision
        self._leave_old(waiting)
        if not self._is_ready(waiting.firings):
            self.remember(key, waiting)
            return ()
        self.remember(key, None)
        return [self._fire(key, waiting.firings)]

    def _leave_old(self, waiting: Waiting) -> None:
        if self.span is None:
            return
        newest = max(micros(one.moment) for one in waiting.firings.values())
        waiting.firings = {
            part: one
            for part, one in waiting.firings.items()
            if micros(one.moment) >= newest - self.span
        }

    def _is_ready(self, firings: Mapping[int, Decision]) -> bool:
        if len(firings) < self.require:
            return False
        if isinstance(self.trigger, Compound):
            return True
        return sorted(firings, key=lambda part: firings[part].moment) == sorted(firings)

    def _fire(self, key: Key, firings: Mapping[int, Decision]) -> Decision:
        *_, last = firings.values()
        children = tuple([firings[part] for part in sorted(firings)])
        moment = max(child.moment for child in children)
        within = self.trigger.within
        return self.decision(
            key,
            start=micros(min(child.start for child in children)),
            end=micros(moment),
            moment=micros(moment),
            fired=micros(max(child.fired for child in children)),
            place=last.place,
            why=self._why(len(children)) + (f" within {duration(within)}." if within else "."),
            by=" ".join([str(child.id) for child in children]),
            count=len(children),
            events=last_marks([mark for child in children for mark in child.events]),
            children=children,
            depth=max(child.depth for child in children),
            event=last.event,
        )

    def _why(self, fired: int) -> str:
        many = len(self.trigger.triggers)
        if not isinstance(self.trigger, Compound):
            return f"All {many} fired in their order"
        return f"{fired} of {many} fired"
