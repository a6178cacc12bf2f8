"""Huey as it comes."""

import os

from asked import each
from huey import RedisHuey

huey = RedisHuey("stock", url=os.environ["REDIS_URL"])


@huey.task()
def noop(number): ...


def actions():
    return {
        "single": each(noop),
        "scheduled": each(lambda number: noop.schedule((number,), delay=3600)),
    }
