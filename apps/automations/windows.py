"""Presence and absence: counting events in windows of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from apps.automations.decision import SECOND, Decision, Mark, Place, Seen, moment_of
from apps.automations.node import MOST_MARKS, Core, Key, Node
from apps.automations.trigger import Absence, Presence, duration

# Expected events that are remembered for an `after` that may come behind them in the log.
MOST_HELD = 20
# When the clock jumps beyond more windows than these, only those with events are told of.
MOST_WINDOWS = 1_000
# Where no time is said, Prefect gives events this long to come together: it sweeps then.
SWEPT = 60 * SECOND


@dataclass
class Window:
    """What was counted from `start` up to but not including `end`."""

    start: int
    end: int
    count: int = 0
    since: int | None = None
    """When the first of its events occurred, and when the last."""
    until: int | None = None
    marks: list[Mark] = field(default_factory=list)
    depth: int = 0
    due: int = 0
    """When it is decided by time."""
    by: str = ""
    """What opened it, where several may be open at the same time."""

    def holds(self, at: int) -> bool:
        return self.start <= at < self.end

    def add(self, one: Held) -> None:
        self.count += 1
        self.note(one)

    def note(self, one: Held) -> None:
        """Show an event without counting it."""
        self.since = one.at if self.since is None else min(self.since, one.at)
        self.until = one.at if self.until is None else max(self.until, one.at)
        self.marks = [*self.marks, one.mark][-MOST_MARKS:]
        self.depth = max(self.depth, one.depth)

    def told(self) -> list[Any]:
        marks = [[*mark] for mark in self.marks]
        counted = [self.start, self.end, self.count, self.since, self.until]
        return [*counted, marks, self.depth, self.due, self.by]

    @classmethod
    def of(cls, told: Sequence[Any]) -> Window:
        *counted, marks, depth, due, by = told
        window = cls(*counted)
        window.marks, window.depth = [Mark(*mark) for mark in marks], depth
        window.due, window.by = due, by
        return window


class Held(NamedTuple):
    """An event, as far as windows know it."""

    at: int
    mark: Mark
    depth: int

    @classmethod
    def of(cls, seen: Seen) -> Held:
        return cls(seen.at, Mark(seen.tx, seen.seq, str(seen.id)), seen.depth)

    def told(self) -> list[Any]:
        return [self.at, *self.mark, self.depth]

    @classmethod
    def read(cls, told: Sequence[Any]) -> Held:
        at, tx, seq, id, depth = told
        return cls(at, Mark(tx, seq, id), depth)


@dataclass
class Counting:
    """Windows in which events are counted, and events held for windows that may yet open."""

    late: int
    grace: int | None = None
    """How long after its end a window is decided by time."""
    windows: list[Window] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def due(self) -> int | None:
        if self.grace is None or not self.windows:
            return None
        return min(window.due for window in self.windows)

    @property
    def forget(self) -> int | None:
        ends = [window.end for window in self.windows] + [one.at for one in self.held]
        return max(ends, default=0) + self.late

    @property
    def is_empty(self) -> bool:
        return not self.windows and not self.held

    def told(self) -> dict[str, Any]:
        windows = [window.told() for window in self.windows]
        return {"windows": windows, "held": [one.told() for one in self.held]}

    def read(self, told: Mapping[str, Any]) -> Counting:
        self.windows = [Window.of(one) for one in told["windows"]]
        self.held = [Held.read(one) for one in told["held"]]
        return self

    def hold(self, one: Held, clock: int) -> None:
        self.held = [*self.fresh(clock), one][-MOST_HELD:]

    def fresh(self, clock: int) -> list[Held]:
        """Return what is held and not too old for any `after` that is still in time."""
        return [one for one in self.held if one.at + self.late > clock]

    def open(self, first: Held, span: int, clock: int) -> Window:
        """Open a window with what it comes after, and count what came too early."""
        window = Window(first.at, first.at + span)
        window.note(first)
        window.by = f"{first.mark.tx}.{first.mark.seq}"
        if self.grace is not None:
            # What arrives long after it occurred leaves time for what comes with it.
            window.due = max(window.end, clock) + self.grace
        for one in self.fresh(clock):
            if window.holds(one.at) and one.mark != first.mark:
                window.add(one)
        return window


class OfPresence(Node[Presence, Counting]):
    """Fires with the event that makes it enough; then nothing counts until the window ends."""

    def __init__(self, trigger: Presence, core: Core, number: int) -> None:
        super().__init__(trigger, core, number)
        self.span = round(trigger.within * SECOND)
        self.at_once = not self.span and trigger.times == 1 and trigger.after is None

    def read(self, told: Mapping[str, Any]) -> Counting:
        return Counting(self.core.late).read(told)

    def take(self, seen: Seen, clock: int, *, expects: bool, starts: bool) -> Sequence[Decision]:
        key, one = self.key_of(seen), Held.of(seen)
        if self.at_once:
            alone = Window(one.at, one.at)
            alone.add(one)
            return [self._fire(key, alone, one, clock)]
        state = self.states.get(key) or Counting(self.core.late)
        window = self._live(state, clock)
        if self.trigger.after is not None:
            window = self._counted_after(state, window, one, clock, expects, starts)
        else:
            window = self._counted(window, one)
        fired: Sequence[Decision] = ()
        if window is not None and window.count >= self.trigger.times:
            fired = [self._fire(key, window, one, clock)]
            window = self._rest(window)
        state.windows = [] if window is None else [window]
        self.remember(key, None if state.is_empty else state)
        return fired

    def _live(self, state: Counting, clock: int) -> Window | None:
        """Return its window, when anything could still be counted there."""
        if not state.windows or state.windows[0].end + self.core.late <= clock:
            return None
        return state.windows[0]

    def _counted(self, window: Window | None, one: Held) -> Window:
        span = self.span or SWEPT
        if window is None:
            # Wide open to the past: what happened at the same time may come in any order.
            window = Window(one.at - self.core.late, one.at + span)
        elif one.at >= window.end:
            window = Window(one.at, one.at + span)
        if window.holds(one.at):
            window.add(one)
        return window

    def _counted_after(
        self,
        state: Counting,
        window: Window | None,
        one: Held,
        clock: int,
        expects: bool,
        starts: bool,
    ) -> Window | None:
        if starts and (window is None or one.at >= window.end):
            return state.open(one, self.span or SWEPT, clock)
        if expects:
            if window is not None and window.holds(one.at):
                window.add(one)
            else:
                state.hold(one, clock)
        return window

    def _rest(self, window: Window) -> Window | None:
        """Return the window after one that fired."""
        if self.trigger.after is not None or not self.span:
            return None
        return Window(window.end, window.end + self.span)

    def _fire(self, key: Key, window: Window, one: Held, clock: int) -> Decision:
        times, within = self.trigger.times, self.trigger.within
        why = self.trigger.seen(window.count) + (f" within {duration(within)}" if within else "")
        if times > 1:
            why += f", where {times:,} are enough"
        start = window.start if self.trigger.after is not None else window.since
        return self.decision(
            key,
            start=one.at if start is None else start,
            end=max(window.end, one.at),
            moment=one.at if window.until is None else window.until,
            fired=clock,
            place=Place(one.mark.tx, one.mark.seq),
            why=f"{why}.",
            by=f"{one.mark.tx}.{one.mark.seq}",
            count=window.count,
            events=tuple(window.marks),
            depth=window.depth,
            event=UUID(one.mark.id),
        )


class OfAbsence(Node[Absence, Counting]):
    """Absence after another event: one window from each, closed by what was expected."""

    def __init__(self, trigger: Absence, core: Core, number: int) -> None:
        super().__init__(trigger, core, number)
        self.span = round(trigger.within * SECOND)

    def read(self, told: Mapping[str, Any]) -> Counting:
        return Counting(self.core.late, self.core.grace).read(told)

    def take(self, seen: Seen, clock: int, *, expects: bool, starts: bool) -> Sequence[Decision]:
        key, one = self.key_of(seen), Held.of(seen)
        state = self.states.get(key) or Counting(self.core.late, self.core.grace)
        if expects:
            for window in state.windows:
                if window.holds(one.at):
                    window.add(one)
            state.windows = list(filter(self._is_short, state.windows))
            state.hold(one, clock)
        if starts and all(one.at >= window.end for window in state.windows):
            window = state.open(one, self.span, clock)
            if self._is_short(window):
                state.windows.append(window)
        self.remember(key, None if state.is_empty else state)
        return ()

    def _is_short(self, window: Window) -> bool:
        return window.count < self.trigger.times

    def decide(self, key: Key, due: int, clock: int, place: Place) -> Sequence[Decision]:
        state = self.states[key]
        over = [window for window in state.windows if window.due <= due]
        state.windows = [window for window in state.windows if window.due > due]
        self.remember(key, None if state.is_empty else state)
        return [missed(self, key, window, place) for window in over]


@dataclass
class Grid:
    """Windows one after the other from an origin; those before `next` are decided."""

    origin: int
    span: int
    grace: int
    opened: int
    """The clock at its beginning."""
    next: int = 0
    windows: dict[int, Window] = field(default_factory=dict)
    last: list[Mark] = field(default_factory=list)
    """The last event that was seen."""

    @property
    def due(self) -> int:
        return self.due_of(self.next)

    def due_of(self, number: int) -> int:
        end = self.origin + (number + 1) * self.span
        return max(end, self.opened) + self.grace

    forget = None

    def window(self, number: int) -> Window:
        start = self.origin + number * self.span
        due = self.due_of(number)
        return self.windows.get(number) or Window(start, start + self.span, due=due)

    def told(self) -> dict[str, Any]:
        windows = {str(number): window.told() for number, window in self.windows.items()}
        return {
            "origin": self.origin,
            "opened": self.opened,
            "next": self.next,
            "windows": windows,
            "last": [[*mark] for mark in self.last],
        }


class OfAbsenceAtAll(Node[Absence, Grid]):
    """Absence at all: each window is judged by itself, from the start or a key's first event."""

    def __init__(self, trigger: Absence, core: Core, number: int) -> None:
        super().__init__(trigger, core, number)
        self.span = round(trigger.within * SECOND)

    def begin(self) -> None:
        if not self.trigger.for_each:
            self.remember((), self._grid(self.core.start, self.core.start))

    def _grid(self, origin: int, clock: int) -> Grid:
        return Grid(origin, self.span, self.core.grace, clock)

    def read(self, told: Mapping[str, Any]) -> Grid:
        grid = self._grid(told["origin"], told["opened"])
        grid.next = told["next"]
        grid.windows = {int(number): Window.of(one) for number, one in told["windows"].items()}
        grid.last = [Mark(*mark) for mark in told["last"]]
        return grid

    def take(self, seen: Seen, clock: int, *, expects: bool, starts: bool) -> Sequence[Decision]:
        key, one = self.key_of(seen), Held.of(seen)
        grid = self.states.get(key) or self._grid(one.at, clock)
        number = (one.at - grid.origin) // self.span
        if self.trigger.for_each and number < 0 and one.at >= grid.origin - self.core.late:
            # Its first event opened the first window, which is wide open to the past.
            number = 0
        if number >= grid.next:
            window = grid.windows[number] = grid.window(number)
            window.add(one)
        grid.last = [one.mark]
        self.remember(key, grid)
        return ()

    def decide(self, key: Key, due: int, clock: int, place: Place) -> Sequence[Decision]:
        grid = self.states[key]
        window = grid.window(grid.next)
        grid.windows.pop(grid.next, None)
        grid.next += 1
        if clock - grid.due > MOST_WINDOWS * self.span:
            ended = (clock - self.core.grace - grid.origin) // self.span
            grid.next = min([ended, *grid.windows])
        self.remember(key, grid)
        if window.count >= self.trigger.times:
            return ()
        window.marks = window.marks or grid.last
        return [missed(self, key, window, place)]


def missed(node: OfAbsence | OfAbsenceAtAll, key: Key, window: Window, place: Place) -> Decision:
    """Say that a window is over without what was expected in it."""
    last = window.marks[-1] if window.marks else None
    why = f"{node.trigger.seen(window.count)} within {duration(node.trigger.within)}"
    if node.trigger.times > 1:
        why += f", where {node.trigger.times:,} were expected"
    return node.decision(
        key,
        start=window.start,
        end=window.end,
        moment=window.end,
        fired=window.due,
        place=place,
        why=f"{why}, until {moment_of(window.end):%Y-%m-%d %H:%M:%S} UTC.",
        by=window.by,
        count=window.count,
        events=tuple(window.marks),
        depth=window.depth,
        event=UUID(last.id) if last else None,
    )
