"""Dramatiq as it comes."""

import os

import dramatiq
from asked import each
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor
def noop(number): ...


def actions():
    return {
        "single": each(noop.send),
        "scheduled": each(lambda number: noop.send_with_options(args=(number,), delay=3_600_000)),
    }
