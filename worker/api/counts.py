"""What is counted: totals, days, and the jobs that were done last."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from worker import keys
from worker.api.connection import clock, connection
from worker.api.crew import Process, processes
from worker.api.queue import LOOK_AT, Summary, queues
from worker.api.reading import mapping, moment, text
from worker.job import Job, Place, State


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


class Glance(NamedTuple):
    """What every page of the dashboard shows a part of, in one look."""

    stats: Stats
    queues: list[Summary]
    processes: list[Process]


def stats(look_at=LOOK_AT):
    """The Stats of now; `look_at` as for `queues`."""
    return glance(look_at).stats


def glance(look_at=LOOK_AT):
    """The Glance of now; `look_at` as for `queues`."""
    crew = processes()
    every = queues(look_at, crew)
    return Glance(totals(every, crew), every, crew)


def totals(every, crew):
    living = [process for process in crew if process.alive]
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
