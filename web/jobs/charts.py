"""The geometry of charts, which templates draw as SVG. Numbers are text, so that no language puts a comma into them."""

from datetime import UTC, datetime
from typing import NamedTuple

WIDTH, HEIGHT = 1000, 200
LEVELS = 5  # shades of a heat map


class Bar(NamedTuple):
    label: str
    count: int
    failed: int
    x: str
    y: str
    width: str
    height: str
    failed_y: str
    failed_height: str


class Bars(NamedTuple):
    bars: list[Bar]
    top: int  # the count that is as high as the chart

    @property
    def total(self):
        return sum(bar.count for bar in self.bars)

    @property
    def failed(self):
        return sum(bar.failed for bar in self.bars)


class Cell(NamedTuple):
    label: str
    count: int
    level: int  # from 1, the palest, to LEVELS
    x: str
    y: str
    width: str
    height: str


class Mark(NamedTuple):
    label: str
    x: str


def bars(points):
    """Bars for (label, count, of these failed), the failed at the foot of each."""
    points = list(points)
    top = max((count for _, count, _ in points), default=0)
    step = WIDTH / max(1, len(points))
    made = []
    for number, (label, count, failed) in enumerate(points):
        high, bad = (HEIGHT * each / top if top else 0 for each in (count, failed))
        places = (number * step, HEIGHT - high, step * 0.8, high, HEIGHT - bad, bad)
        made.append(Bar(label, count, failed, *map(text, places)))
    return Bars(made, top)


def heat(columns, rows):
    """Cells for (label, [count, …]) from left to right, each list from the bottom up; `rows` are their labels."""
    columns = list(columns)
    most = max((count for _, counts in columns for count in counts), default=0)
    width, height = WIDTH / max(1, len(columns)), HEIGHT / len(rows)
    return [
        Cell(
            f"{label}, < {rows[y]}",
            count,
            -(-LEVELS * count // most),
            *map(text, (x * width, HEIGHT - (y + 1) * height, width, height)),
        )
        for x, (label, counts) in enumerate(columns)
        for y, count in enumerate(counts[: len(rows)])
        if count
    ]


def marks(found, start, end):
    """A Mark for each (label, moment) between two moments, in seconds since 1970."""
    return [Mark(label, text(WIDTH * (at - start) / (end - start))) for label, at in found if start <= at <= end]


def text(number):
    return f"{number:.2f}".rstrip("0").rstrip(".")


def clock(moment, day=False):
    """A time of day in UTC, as labels of charts have it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M" if day else "%H:%M")
