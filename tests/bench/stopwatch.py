"""Figures: several measurements of one thing, of which the median counts; and the processor time of processes."""

import os
import statistics
import time
from contextlib import suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


class Figures(list):
    """Measurements of one thing, one of each round."""

    @property
    def median(self):
        return statistics.median(self)

    def over(self, others):
        """How many times the `others`, each against the one of the same round, so that a slow minute hits both."""
        return Figures(mine / theirs for mine, theirs in zip(self, others, strict=True))

    def share(self, part):
        """The measurement that this part of all is below: 0.99 for the p99."""
        ordered = sorted(self)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def family(*pids):
    """{pid: the fields of its /proc/…/stat after the name} of these processes and all below them."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            found[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    return {pid: fields for pid, fields in found.items() if descends(pid, pids, found)}


def descends(pid, ancestors, found):
    while pid and pid not in ancestors:
        pid = int(found[pid][1]) if pid in found else 0
    return bool(pid)


def processor_seconds(pids):
    """What these processes have used, with their children, also those that have ended."""
    return sum(sum(map(int, fields[11:15])) for fields in family(*pids).values()) / TICK


class Lap:
    """From now until `end`: seconds, and seconds of processor time of these processes."""

    def __init__(self, pids):
        self.pids, self.cpu, self.began = pids, processor_seconds(pids), time.monotonic()

    def end(self):
        return time.monotonic() - self.began, processor_seconds(self.pids) - self.cpu
