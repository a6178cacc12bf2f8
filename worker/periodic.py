"""Recurring jobs, declared beside their task: `@task(every=60)`, `@task(cron="0 3 * * *")`, and `@shared_task` alike.

    every   seconds, or a timedelta; counted from 1970, so `every=3600` is on the hour whenever a worker started
    cron    minute, hour, day of the month, month, day of the week, in UTC, as Celery's `crontab` reads them

There is no process for them: every worker looks, and whichever comes first claims a tick in the script that also
enqueues its job. What was missed while no worker ran is made up for once.
"""

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

import celery
from celery.schedules import crontab

from worker import client, keys
from worker.errors import ConfigurationError

logger = logging.getLogger(__name__)

INTERVAL = 0.5  # seconds between two looks


class Entry(NamedTuple):
    name: str  # of its task
    queue: str
    every: float | None  # seconds
    cron: str | None

    @property
    def rule(self):
        """As people read it."""
        return f"every {self.every:g} s" if self.every else self.cron

    def next(self, after):
        """The first tick later than `after`, in seconds since 1970."""
        if self.every:
            return (after // self.every + 1) * self.every
        last, delta, _ = schedule(self.cron).remaining_delta(datetime.fromtimestamp(after, UTC), tz=UTC)
        return (last + delta).timestamp()


@cache
def schedule(cron):
    return crontab.from_string(" ".join(cron.split()))


def entries():
    """The recurring jobs of all tasks that are known here. Raises ConfigurationError for a rule that cannot be read."""
    app = celery.current_app
    found = (entry(task, app) for task in app.tasks.values())
    return sorted(filter(None, found))


def entry(task, app):
    every, cron = getattr(task, "every", None), getattr(task, "cron", None)
    if every is None and cron is None:
        return None
    every = every.total_seconds() if isinstance(every, timedelta) else every
    try:
        if cron is not None:
            schedule(cron)
        if every is not None and (cron is not None or not every > 0):
            raise ValueError
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{task.name} has every={every!r} and cron={cron!r}: use one of them, seconds above 0 or five fields "
            "such as '0 3 * * *'"
        ) from None
    return Entry(task.name, getattr(task, "queue", None) or app.conf.task_default_queue, every, cron)


def tick(redis, scripts, found):
    """Enqueue what is due of the entries in `found`; returns how many jobs that made."""
    if not found:
        return 0
    pipeline = redis.pipeline(transaction=False)
    cursors, (seconds, microseconds) = pipeline.hgetall(keys.PERIODIC_NEXT).time().execute()
    now = seconds + microseconds / 1_000_000
    return sum(claim(scripts, each, cursors.get(each.name.encode(), b"").decode(), now) for each in found)


def claim(scripts, entry, cursor, now):
    """Move the cursor of an entry whose tick has come, and enqueue its job; a new or changed rule starts from now."""
    due, _, rule = cursor.partition("|")
    known = rule == entry.rule
    if known and float(due) > now:
        return 0
    id, message = client.message(entry.name, queue=entry.queue)
    names = [keys.PERIODIC_NEXT, keys.PERIODIC_LAST, keys.PERIODIC_PAUSED, entry.queue]
    next = f"{entry.next(now):.6f}|{entry.rule}"
    made = scripts.tick(names, [entry.name, cursor, next, message if known else "", json.dumps({"id": id, "at": now})])
    if made:
        logger.info("recurring %s job=%s queue=%s rule=%s", entry.name, id, entry.queue, entry.rule)
    return made


def run_now(name):
    """Enqueue the job of the recurring task `name` now; returns its id. Raises KeyError when there is none."""
    found = {entry.name: entry for entry in entries()}[name]
    id = client.push(name, queue=found.queue)
    client.connection().hset(keys.PERIODIC_LAST, name, json.dumps({"id": id, "at": time.time()}))
    return id
