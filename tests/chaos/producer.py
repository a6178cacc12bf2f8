"""`python -m tests.chaos.producer [--option value …]`: a process that enqueues, as a web process does.

What was accepted is in the journal, with how long it took. On SIGTERM it ends after the enqueue that it is at.
"""

import argparse
import itertools
import random
import signal
import time

import django
import redis

django.setup()

from django.contrib.auth.models import Group  # noqa: E402
from django.db import transaction  # noqa: E402

from tests.chaos import tasks  # noqa: E402
from tests.chaos.journal import note  # noqa: E402
from worker import client  # noqa: E402

stopped = False


class RolledBack(Exception):
    pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=0, help="the number of the first job")
    parser.add_argument("--count", type=int, help="how many; without it until SIGTERM")
    parser.add_argument("--task", default="run")
    parser.add_argument("--seconds", type=float, nargs=2, default=(0, 0.02), help="how long a job takes: from, to")
    parser.add_argument("--countdown", type=float, nargs=2, help="after how many seconds it is due: from, to")
    parser.add_argument("--atomic", action="store_true", help="in a transaction with a row, every third rolled back")
    parser.add_argument("--backlog", type=int, default=300, help="wait while so many jobs are in the queue; 0: never")
    parser.add_argument("--pause", type=float, default=0, help="seconds between two jobs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    for number in itertools.islice(itertools.count(options.first), options.count):
        if stopped:
            break
        if options.backlog and number % 10 == 0:
            wait_for_room(options.backlog)
        attempt(number, options)
        time.sleep(options.pause)


def stop(*_):
    global stopped
    stopped = True


def wait_for_room(backlog):
    try:
        while not stopped and client.connection().llen("default") >= backlog:
            time.sleep(0.02)
    except redis.RedisError:
        time.sleep(0.2)  # Redis is away: a few jobs at a time


def attempt(number, options):
    began, kind = time.monotonic(), "accepted"
    try:
        in_transaction(number, options) if options.atomic else enqueue(number, options)
    except RolledBack:
        kind = "rolled-back"
    except Exception as error:
        print(f"refused {number}: {error!r}")
        kind = "refused"
    note(kind, number, time.monotonic() - began)


def in_transaction(number, options):
    with transaction.atomic():
        Group.objects.create(name=number)
        enqueue(number, options)
        if number % 3 == 0:
            raise RolledBack


def enqueue(number, options):
    task, arguments = getattr(tasks, options.task), (number, random.uniform(*options.seconds))
    if options.countdown:
        seconds = random.uniform(*options.countdown)
        note("due", number, seconds)
        task.apply_async(arguments, countdown=seconds)
    elif number % 2 and task is tasks.run:
        tasks.run_too.enqueue(*arguments)
    else:
        task.delay(*arguments)


if __name__ == "__main__":
    main()
