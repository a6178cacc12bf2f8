"""Finds a job wherever it is."""

import redis

from worker import keys
from worker.api.connection import MOST, connection
from worker.api.counts import recent
from worker.api.crew import running
from worker.api.jobs import NotFound
from worker.api.jobset import dead, retries, scheduled
from worker.api.queue import LOOK_AT, Queue, queues
from worker.api.reading import mapping, text

SETS = {each.key: each for each in (scheduled, retries, dead)}


def find(id, key=None, at=None, most=MOST, look_at=LOOK_AT):
    """The Job of this id, wherever it is now; of one that was done lately, what is left of it.

    key, at: its `place` when it was last seen, which finds it at once if it is still there. most: how many jobs to look
    at in each queue and set otherwise. look_at: as for `queues`. Raises NotFound, which says where was looked.
    """
    if at is not None and (jobs := place(key)):
        try:
            return jobs.find(id, at, most=0)
        except (NotFound, redis.ResponseError):
            pass  # it has moved on, or this never was a place of jobs
    held = running()
    for job in held:
        if job.id == id:
            return job
    looked = [f"{len(held):,} of {len(held):,} that run"]
    for jobs in [*SETS.values(), *(Queue(queue.name) for queue in queues(look_at) if queue.size)]:
        try:
            return jobs.find(id, most=most)
        except NotFound as error:
            looked.append(error.looked)
    for job in recent(1000):
        if job.id == id:
            return job
    raise NotFound(f"no job {id}: looked at {', '.join(looked)}, and at those that were done last")


def place(key):
    """The queue or set at this key; None when there is neither."""
    return SETS.get(key) or (None if not key or keys.is_ours(key) else Queue(key))


def mailed(id):
    """(addresses for which a server has taken the first mail of this job, its answer), as far as that is known yet."""
    noted = mapping(connection().get(keys.done(f"{id}.1")))
    addresses = filter(None, map(text, noted.get("mailed", [])))
    return list(addresses), text(noted.get("answer")) or ""
