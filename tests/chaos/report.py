"""The table of a run: what each case enqueued, ran, lost, and ran twice."""

from typing import NamedTuple

from tests.chaos.size import FULL, sized
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


def publish(terminal):
    """Print the table of each server, and keep one of all as Markdown."""
    if not rows:
        return
    for server in servers():
        terminal.section(f"chaos: the {'full' if FULL else 'short'} run, {server}")
        for line in aligned([HEAD, *(row.cells() for row in ordered() if row.server == server)]):
            terminal.write_line(line)
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(markdown())
    terminal.write_line(f"as Markdown: {PATH}")


def servers():
    return sorted({row.server for row in rows}, reverse=True)


def ordered():
    return sorted(rows, key=lambda row: (int(row.case.partition(".")[0]), row.case))


def aligned(lines):
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for case, *numbers, figure in lines:
        counts = (number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True))
        yield "  ".join([case.ljust(widths[0]), *counts, figure]).rstrip()


def markdown():
    """One row for each case: counts are added up over the servers, of the other values it is the largest."""
    merged = {}
    for row in ordered():
        merged.setdefault(row.case, []).append(row)
    lines = [HEAD, ("---", "---:", "---:", "---:", "---:", "---")]
    for case, found in merged.items():
        tally = Tally(*map(sum, zip(*(row.tally for row in found), strict=True)))
        values = tuple(map(max, zip(*(row.values for row in found), strict=True)))
        lines.append(Row(case, "", tally, found[0].figure, values).cells())
    table = "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)
    return f"Against {' and '.join(servers())}:\n\n{table}"
