"""The table of a run: what each case enqueued, ran, lost, and ran twice."""

from typing import NamedTuple

from tests.chaos.size import sized
from tests.servers import ROOT

PATH = ROOT / "var" / sized("chaos-short.md", "chaos.md")
HEAD = ("case", "enqueued", "run", "lost", "twice", "")
rows = []


class Tally(NamedTuple):
    enqueued: int  # jobs whose enqueue returned
    run: int  # jobs that were run to their end
    lost: int  # jobs that were enqueued, have not run, and are not dead
    twice: int  # runs beyond the first of each job


class Row(NamedTuple):
    case: str  # begins with its number
    server: str
    tally: Tally
    figure: str  # with a place for each of the values
    values: tuple

    def cells(self):
        return (self.case, *(f"{count:,}" for count in self.tally), self.figure.format(*self.values))


def keep():
    """Write the table, for the terminal (tests/environment.py) and for worker/README.md."""
    if rows:
        PATH.parent.mkdir(exist_ok=True)
        PATH.write_text(markdown())


def servers():
    return sorted({row.server for row in rows}, reverse=True)


def ordered():
    return sorted(rows, key=lambda row: (int(row.case.partition(".")[0]), row.case))


def markdown():
    """One row for each case: counts are added up over the servers, of the other values it is the largest."""
    merged = {}
    for row in ordered():
        merged.setdefault(row.case, []).append(row)
    lines = [HEAD, *(Row(case, "", *added_up(found)).cells() for case, found in merged.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ("-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:-1]), "-" * widths[-1]))
    table = "\n".join(f"| {' | '.join(aligned(line, widths))} |" for line in lines)
    return f"Against {' and '.join(servers())}:\n\n{table}\n"


def added_up(rows):
    tally = Tally(*map(sum, zip(*(row.tally for row in rows), strict=True)))
    return tally, rows[0].figure, tuple(map(max, zip(*(row.values for row in rows), strict=True)))


def aligned(line, widths):
    case, *numbers, figure = line
    yield case.ljust(widths[0])
    yield from (number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True))
    yield figure.ljust(widths[-1])
