"""How attempts went, minute by minute: those of each task, of each queue, and all together."""

from collections import Counter
from itertools import batched
from typing import NamedTuple

from worker import keys
from worker.api.connection import clock, connection
from worker.metrics import BUCKETS, KINDS

MINUTES, HOURS = 8 * 60, 72  # for how long minutes are kept, and ten minutes
AT_ONCE = 60  # keys read in a round trip


class Measure(NamedTuple):
    """How attempts of a task went in a stretch of time."""

    count: int
    failed: int
    milliseconds: int  # of all together
    histogram: tuple[int, ...]  # how many took less than 20 ms, 40 ms, 80 ms, … and not less than the one before

    @property
    def average(self):
        """Milliseconds; None when there was no attempt."""
        return self.milliseconds / self.count if self.count else None

    def percentile(self, share):
        """Milliseconds within which this share of attempts ended, such as 0.95, to the next bound of the histogram."""
        seen = 0
        for number, count in enumerate(self.histogram):
            seen += count
            if seen and seen >= share * self.count:
                return 20 * 2**number
        return None


def releases():
    """(release, when its first worker started) of the newest releases, the oldest first; the time since 1970."""
    found = connection().zrange(keys.RELEASES, 0, -1, withscores=True)
    return [(release.decode(errors="replace"), at) for release, at in found]


def metrics(minutes=60):
    """{task: Measure} of the last `minutes`, the tasks that took most time first.

    Minutes are known for 8 hours; for longer than that, up to 72 hours, the time is rounded to ten minutes.
    """
    return by_task(fields for _, fields in buckets(minutes, lambda pipe, key: pipe.hgetall(key)))


def since_ever():
    """{task: Measure} of all time, the tasks that took most time first."""
    return by_task([connection().hgetall(keys.METRICS_TOTAL)])


def by_task(found):
    counts = Counter()
    for fields in found:
        counts.update({field.decode(errors="replace"): int(count) for field, count in fields.items()})
    tasks = {field.rpartition("|")[0] for field in counts if not field.startswith("@")}
    measures = {task: measure([counts[f"{task}|{kind}"] for kind in KINDS]) for task in tasks}
    return dict(sorted(measures.items(), key=lambda pair: -pair[1].milliseconds))


def series(task, minutes=60):
    """[(seconds since 1970, Measure)] of a task: one for each minute of the last `minutes`, the oldest first.

    For longer than 8 hours, one for each ten minutes.
    """
    fields = [f"{task}|{kind}" for kind in KINDS]
    found = buckets(minutes, lambda pipe, key: pipe.hmget(key, fields))
    return [(start, measure([int(count or 0) for count in counts])) for start, counts in found]


def activity(minutes=60):
    """[(seconds since 1970, attempts that ended, of these failed)] of all tasks, in the steps of `series`."""
    return [
        (start, counted(fields, b"n"), counted(fields, b"f"))
        for start, fields in buckets(minutes, lambda pipe, key: pipe.hgetall(key))
    ]


def counted(fields, kind):
    return sum(
        int(count) for field, count in fields.items() if field.endswith(b"|" + kind) and not field.startswith(b"@")
    )


def rates():
    """{queue: attempts that ended in a second}, from the minute before this one and what there is of this one."""
    counts, now = Counter(), clock()
    for _, fields in buckets(2, lambda pipe, key: pipe.hgetall(key)):
        for field, count in fields.items():
            if field.startswith(b"@") and field.endswith(b"|n"):
                counts[field[1:-2].decode(errors="replace")] += int(count)
    return {queue: count / (60 + now % 60) for queue, count in counts.items()}


def buckets(minutes, ask):
    """Pairs of the time and the answer for each bucket of the last `minutes`; `ask` adds the question to a pipeline."""
    step = 1 if minutes <= MINUTES else 10
    newest = int(clock()) // 60 // step
    numbers = range(newest - -(-min(minutes, HOURS * 60) // step) + 1, newest + 1)
    for group in batched(numbers, AT_ONCE, strict=False):
        pipe = connection().pipeline(transaction=False)
        for number in group:
            ask(pipe, keys.metrics(number, step))
        yield from zip((number * step * 60 for number in group), pipe.execute(), strict=True)


def measure(counts):
    count, failed, milliseconds, *histogram = counts
    return Measure(count, failed, milliseconds, tuple(histogram[:BUCKETS]))
