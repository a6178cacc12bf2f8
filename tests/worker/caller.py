"""`python -m tests.worker.caller`: enqueues in every way, as a web process does, and prints how that went.

One line of JSON for each way: its name, the seconds that the first and ten further calls took, and the errors.
"""

import json
import time

import django

django.setup()

from celery import chain, chord, group  # noqa: E402
from django.db import transaction  # noqa: E402

from tests.worker import tasks  # noqa: E402
from worker import client  # noqa: E402

WAYS = {
    "enqueue": lambda: tasks.note.enqueue("a"),
    "enqueue with a result": lambda: tasks.answer.enqueue("a"),
    "delay": lambda: tasks.echo.delay("a"),
    "delay with a result": lambda: tasks.add.delay(1, 2),
    "countdown": lambda: tasks.echo.apply_async(("a",), countdown=60),
    "group": lambda: group(tasks.echo.s("a"), tasks.echo.s("b")).delay(),
    "chain": lambda: chain(tasks.echo.s("a"), tasks.echo.si("b")).delay(),
    "chord": lambda: chord([tasks.add.s(1, 2), tasks.add.s(3, 4)])(tasks.total.s()),
}


def main():
    for name, way in WAYS.items():
        client.breaker.cache_clear()
        first, rest = timed(way, 1), timed(way, 10)
        client.breaker.cache_clear()
        within = timed(lambda way=way: committed(way), 1)
        errors = sorted({error for _, found in (first, rest, within) for error in found})
        print(json.dumps([name, first[0], rest[0], within[0], errors]), flush=True)


def timed(way, times):
    errors, began = [], time.monotonic()
    for _ in range(times):
        try:
            way()
        except Exception as error:
            errors.append(type(error).__name__)
    return time.monotonic() - began, errors


def committed(way):
    with transaction.atomic():
        way()


if __name__ == "__main__":
    main()
