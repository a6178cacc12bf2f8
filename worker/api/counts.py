"""What is counted: totals, days, each task's minutes, and the jobs that were done last."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from typing import NamedTuple

from worker import keys
from worker.api.connection import clock, connection
from worker.api.crew import processes
from worker.api.queue import LOOK_AT, queues
from worker.api.reading import mapping, moment, text
from worker.job import Job, Place, State
from worker.metrics import BUCKETS, KINDS

MINUTES, HOURS = 8 * 60, 72  # for how long minutes are kept, and ten minutes
AT_ONCE = 60  # keys read in a round trip


class Stats(NamedTuple):
    """Totals, and how many jobs there are in each place."""

    processed: int  # attempts that ended, those that failed included
    failed: int
    waiting: int
    scheduled: int
    retrying: int
    dead: int
    running: int
    processes: int  # those that live
    latency: float | None  # seconds; the longest of all queues


class Day(NamedTuple):
    date: date  # in UTC
    processed: int
    failed: int


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


def stats(look_at=LOOK_AT):
    """The Stats of now; `look_at` as for `queues`."""
    every = queues(look_at)
    living = [process for process in processes() if process.alive]
    pipe = connection().pipeline(transaction=False)
    pipe.hget(keys.PROCESSED, "total").hget(keys.FAILED, "total")
    pipe.zcard(keys.SCHEDULE).zcard(keys.RETRY).zcard(keys.DEAD)
    for process in living:
        pipe.hlen(keys.inflight(process.id))
    processed, failed, scheduled, retrying, dead, *inflight = pipe.execute()
    return Stats(
        processed=int(processed or 0),
        failed=int(failed or 0),
        waiting=sum(queue.size for queue in every),
        scheduled=scheduled,
        retrying=retrying,
        dead=dead,
        running=sum(inflight),
        processes=len(living),
        latency=max((queue.latency for queue in every if queue.latency is not None), default=None),
    )


def history(days=30):
    """A Day for each of the last `days` days, today the last."""
    today = datetime.fromtimestamp(clock(), UTC).date()
    dates = [today - timedelta(days=ago) for ago in reversed(range(days))]
    numbers = [(each - date(1970, 1, 1)).days for each in dates]
    counts = [connection().hmget(key, numbers) for key in (keys.PROCESSED, keys.FAILED)]
    return [Day(each, int(done or 0), int(bad or 0)) for each, done, bad in zip(dates, *counts, strict=True)]


def recent(count=100):
    """The jobs that were done last, the newest first, at most 1,000: Jobs without their arguments."""
    kept = map(mapping, connection().lrange(keys.RECENT, 0, count - 1))
    return [done(number, record) for number, record in enumerate(kept)]


def done(number, record):
    finished, elapsed = moment(record.get("finished")), record.get("elapsed")
    return Job(
        id=text(record.get("id")) or "",
        state=State.DONE,
        place=Place(keys.RECENT, number),
        queue=text(record.get("queue")) or "",
        task=text(record.get("task")),
        process=text(record.get("process")),
        started=finished - elapsed if finished and isinstance(elapsed, int | float) else None,
        finished=finished,
    )


def metrics(minutes=60):
    """{task: Measure} of the last `minutes`, the tasks that took most time first.

    Minutes are known for 8 hours; for longer than that, up to 72 hours, the time is rounded to ten minutes.
    """
    counts = Counter()
    for _, fields in buckets(minutes, lambda pipe, key: pipe.hgetall(key)):
        counts.update({field.decode(errors="replace"): int(count) for field, count in fields.items()})
    tasks = {field.rpartition("|")[0] for field in counts if not field.startswith("@")}
    found = {task: measure([counts[f"{task}|{kind}"] for kind in KINDS]) for task in tasks}
    return dict(sorted(found.items(), key=lambda pair: -pair[1].milliseconds))


def series(task, minutes=60):
    """[(seconds since 1970, Measure)] of a task: one for each minute of the last `minutes`, the oldest first.

    For longer than 8 hours, one for each ten minutes.
    """
    fields = [f"{task}|{kind}" for kind in KINDS]
    found = buckets(minutes, lambda pipe, key: pipe.hmget(key, fields))
    return [(start, measure([int(count or 0) for count in counts])) for start, counts in found]


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
