"""The figures as a table for people."""

from collections.abc import Sequence
import statistics

from .measure import Comparison, Figure

_HEADINGS = ("What", "Ours", "Reference", "Compared", "Target", "Met")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures in lines of equal width."""
    rows = [_HEADINGS, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    """Return the cells of one figure."""
    value = figure.value
    if value is None:
        compared = "missing" if figure.missing else "-"
    elif figure.comparison is Comparison.RATIO:
        compared = f"{value:.2f}x"
    else:
        compared = f"{value:+.1f} {figure.unit}"
    met = {True: "yes", False: "NO", None: "-"}[figure.met]
    if figure.target is not None and figure.met is None:
        met = "NOT KNOWN"
    return (
        figure.what,
        f"{_spread(figure.ours)} {figure.unit}",
        figure.missing or f"{_spread(figure.reference)} {figure.unit}",
        compared,
        str(figure.target or "-"),
        met,
    )


def _spread(numbers: Sequence[float]) -> str:
    """Return the median of some numbers, the least and the greatest."""
    return (
        f"{_short(statistics.median(numbers))}"
        f" ({_short(min(numbers))}-{_short(max(numbers))})"
    )


def _short(number: float) -> str:
    """Return a number with three digits that count."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
