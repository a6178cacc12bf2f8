"""What is wrong with the jobs Redis and the workers, and what mends it."""

import shlex
from typing import NamedTuple

import redis

from worker import config
from worker.api.connection import connection
from worker.api.crew import processes
from worker.api.jobs import counted
from worker.api.queue import queues

SET = 'redis-cli -u "$REDIS_URL" CONFIG SET'


class Finding(NamedTuple):
    """Something to know about.

    form: what it is, with places for `values`, so that it can be said in another language. mend: a command, or what to
    do. problem: False for what merely could not be seen from here.
    """

    form: str
    mend: str
    problem: bool = True
    values: dict = {}

    @property
    def text(self):
        return self.form % self.values


def check():
    """A list of Findings, empty when all is well. Reads the name of every key of Redis, as `queues` does."""
    return [*storage(), *listeners()]


def storage():
    """Those of the Findings that are about Redis itself."""
    settings, info = configuration(), connection().info()
    return [*memory(settings, info), *persistence(settings, info)]


def configuration():
    """The settings of Redis; None when CONFIG is forbidden, as on most managed ones."""
    try:
        return connection().config_get("maxmemory-policy", "appendfsync", "save")
    except redis.ResponseError:
        return None


def memory(settings, info):
    policy = info.get("maxmemory_policy") or (settings or {}).get("maxmemory-policy")
    if policy is None:
        text = "whether Redis deletes jobs when it is full could not be seen"
        yield Finding(text, "ask its provider for noeviction", problem=False)
    elif policy != "noeviction":
        form = "Redis deletes jobs as soon as a maxmemory is set: maxmemory-policy is %(policy)s"
        if info.get("maxmemory"):
            form = "Redis deletes jobs when it is full, at %(limit)s bytes: maxmemory-policy is %(policy)s"
        mend = f"{SET} maxmemory-policy noeviction"
        if settings is None:
            mend = "choose noeviction at its provider (Heroku: heroku redis:maxmemory --policy noeviction)"
        yield Finding(form, mend, values={"policy": policy, "limit": f"{info.get('maxmemory', 0):,}"})


def persistence(settings, info):
    on_disk = info.get("aof_enabled") == 1
    if settings is None and on_disk:
        yield Finding("how often Redis flushes its log to disk could not be seen", "ask its provider", problem=False)
    elif settings is None:
        text = "Redis keeps no log on disk, so a crash costs jobs: all, or those since a snapshot (not seen from here)"
        yield Finding(text, "ask its provider for an append-only file")
    elif not on_disk:
        text = "Redis keeps nothing on disk: its end costs all jobs"
        if settings.get("save"):
            text = "Redis keeps only snapshots on disk: a crash costs the jobs since the last"
        yield Finding(text, f"{SET} appendonly yes")
    elif settings.get("appendfsync") == "no":
        text = "Redis leaves it to the system when its log reaches the disk: a power cut costs half a minute of jobs"
        yield Finding(text, f"{SET} appendfsync everysec")


def listeners():
    if config.ENGINE == "celery":
        text = "whether a worker is alive could not be seen: with WORKER_ENGINE=celery none says so"
        yield Finding(text, "look at the logs of the workers", problem=False)
        return
    found = queues(look_at=None)
    living = any(process.alive for process in processes())
    if not living:
        waiting = sum(queue.size for queue in found)
        form = "no worker is alive: %(jobs)s waiting"
        yield Finding(form, "celery -A worker worker", values={"jobs": counted(waiting)})
    for queue in found:
        if queue.unheard and (living or queue.name not in config.QUEUES):
            form = "no worker listens to the queue %(name)r, with %(jobs)s waiting"
            values = {"name": queue.name, "jobs": counted(queue.size)}
            yield Finding(form, f"celery -A worker worker -Q {shlex.quote(queue.name)}", values=values)
