"""RQ as it comes."""

import os
from datetime import timedelta

from asked import each
from redis import Redis
from rq import Queue

queue = Queue(connection=Redis.from_url(os.environ["REDIS_URL"]))


def noop(number): ...


def actions():
    # Under the name by which the worker finds it; here it may be __main__'s.
    return {
        "single": each(lambda number: queue.enqueue("on_rq.noop", number)),
        "scheduled": each(lambda number: queue.enqueue_in(timedelta(hours=1), "on_rq.noop", number)),
    }
