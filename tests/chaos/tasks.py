"""Jobs that leave a trace in Redis, so that a test can count what ran."""

import os
import signal
import time

import redis
from celery import shared_task

from worker import config

client = redis.from_url(config.REDIS_URL)


@shared_task
def noop():
    pass


@shared_task
def run(number, seconds=0):
    time.sleep(seconds)
    client.rpush("test:ran", number)


@shared_task
def fail_first(number):
    if client.incr(f"test:tried:{number}") == 1:
        raise ValueError(f"the first attempt of {number}")
    client.rpush("test:ran", number)


@shared_task(max_retries=0)
def fail(number):
    raise ValueError(number)


@shared_task(max_retries=0)
def leave(number):
    raise SystemExit(number)


@shared_task
def kill(number):
    client.rpush("test:ran", number)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def add(*numbers):
    return sum(number if isinstance(number, int) else sum(number) for number in numbers)


@shared_task
def add_later(number, other):
    """Fails the first time."""
    if client.incr(f"test:tried:add:{other}") == 1:
        raise ValueError("the first attempt")
    return number + other


@shared_task
def note(result):
    client.rpush("test:ran", result)


@shared_task
def note_error(request, error, traceback):
    client.rpush("test:errors", str(error))


@shared_task(bind=True, max_retries=3, default_retry_delay=0)
def ask_again(self, number):
    if self.request.retries < 2:
        raise self.retry(exc=ValueError("not yet"))
    client.rpush("test:ran", number)


@shared_task(bind=True)
def count_down(self, number):
    client.rpush("test:ran", number)
    if number:
        raise self.retry(args=[number - 1], countdown=0)


@shared_task(bind=True)
def replace(self, number):
    raise self.replace(run.s(number))
