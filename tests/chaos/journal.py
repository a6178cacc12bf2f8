"""What happened, line by line in a file: whatever is killed, what was written before stays."""

import os
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    kind: str  # `start` and `end` of a job; `accepted` and `refused` of an enqueue; `due`: that it is to start later
    number: int  # of the job
    time: float  # by the monotonic clock, which is the same for all processes
    pid: int
    seconds: float  # that the enqueue took, or after which it is due


def note(kind, number, seconds=0):
    """Add a line to the journal of this process; one write, so that lines of several processes never mix."""
    os.write(file(), f"{kind} {number} {time.monotonic():.6f} {os.getpid()} {seconds:.6f}\n".encode())


@cache
def file():
    return os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class Journal:
    """The entries so far: `journal("end")`. Each look reads what is new since the last."""

    def __init__(self, path):
        self.path, self.read, self.entries = Path(path), 0, []
        self.path.touch()

    def __call__(self, kind):
        with self.path.open("rb") as lines:
            lines.seek(self.read)
            new = lines.read()
        new = new[: new.rfind(b"\n") + 1]  # a reader may come in the middle of a write
        self.read += len(new)
        for line in new.decode().splitlines():
            kind_of, number, moment, pid, seconds = line.split()
            self.entries.append(Entry(kind_of, int(number), float(moment), int(pid), float(seconds)))
        return [entry for entry in self.entries if entry.kind == kind]

    def numbers(self, kind, since=0.0):
        return [entry.number for entry in self(kind) if entry.time >= since]

    def lateness(self, up=0.0):
        """For each job that was due: how many seconds later it started, or later than `up`, when workers were there."""
        due = {entry.number: max(entry.time + entry.seconds, up) for entry in self("due")}
        return [entry.time - due[entry.number] for entry in self("start") if entry.number in due]

    def note(self, kind, number):
        with self.path.open("ab", buffering=0) as lines:
            lines.write(f"{kind} {number} {time.monotonic():.6f} {os.getpid()} 0\n".encode())
