"""What was promised, what was measured, and whether it holds on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

NOISE = "noise"


class Promise(Enum):
    """How a promised figure reads, and whether a slower machine may miss it by its fraction."""

    AT_LEAST = "≥"
    WITHIN = "≤"
    AT_MOST = "≤ "  # of memory and counts: the same on any machine


@dataclass(frozen=True)
class Figure:
    name: str
    measured: float
    promised: float | None = None
    unit: str = ""
    promise: Promise = Promise.WITHIN
    noise: bool = False
    note: str = ""

    def target(self, fraction: float) -> float | None:
        if self.promised is None:
            return None
        if self.promise is Promise.AT_LEAST:
            return self.promised * fraction
        if self.promise is Promise.WITHIN:
            return self.promised / fraction
        return self.promised

    def ratio(self, fraction: float) -> float | None:
        """Above 1 is better than promised."""
        target = self.target(fraction)
        if target is None:
            return None
        if self.promise is Promise.AT_LEAST:
            return self.measured / target
        return target / self.measured if self.measured else float("inf")

    def verdict(self, fraction: float) -> str:
        ratio = self.ratio(fraction)
        if ratio is None:
            return "-"
        if target_missed(self, fraction):
            return NOISE if self.noise else "MISSED"
        return "kept"


def target_missed(figure: Figure, fraction: float) -> bool:
    target = figure.target(fraction)
    if target is None:
        return False
    if figure.promise is Promise.AT_LEAST:
        return figure.measured < target
    return figure.measured > target


def table(figures: Iterable[tuple[Figure, float]]) -> str:
    """Return one row a figure, each with the fraction that its target is multiplied by."""
    head = ("figure", "measured", "target", "ratio", "verdict", "")
    rows = [head, *(_row(figure, fraction) for figure, fraction in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 4, 5) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(figure: Figure, fraction: float) -> tuple[str, ...]:
    target, ratio = figure.target(fraction), figure.ratio(fraction)
    return (
        figure.name,
        f"{_short(figure.measured)} {figure.unit}".strip(),
        "" if target is None else f"{figure.promise.value.strip()} {_short(target)}",
        "" if ratio is None else f"{ratio:.2f}",
        figure.verdict(fraction),
        figure.note,
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"
