"""What our process is asked to enqueue (peers/asked.py), and beside it what redis-py takes to send the same bytes."""

import os
import random
import time
from datetime import timedelta
from itertools import batched

import django

django.setup()

import redis  # noqa: E402
from django.core.mail import send_mail  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from tests.bench.jobs import noop, nothing, tell  # noqa: E402
from tests.bench.peers.asked import each  # noqa: E402
from worker import client, keys, log  # noqa: E402

NOOP = noop.name


def actions():
    log.write_together()  # as infra/gunicorn.conf.py has it
    raw = redis.Redis.from_url(os.environ["REDIS_URL"])
    id, message = client.message(NOOP, [1])
    dedupe = keys.dedupe(id)

    def in_transaction(number):
        with transaction.atomic():
            nothing.enqueue(number)

    def empty_transaction(number):
        with transaction.atomic():
            pass

    def lpush_and_set(number):
        with raw.pipeline(transaction=False) as pipeline:
            pipeline.set(dedupe, 1, ex=client.DEDUPE_SECONDS)
            pipeline.lpush("raw", message)
            pipeline.execute()

    def lpush_in_bulk(count):
        for batch in batched(range(count), client.BATCH, strict=False):
            with raw.pipeline(transaction=False) as pipeline:
                for _ in batch:
                    pipeline.lpush("raw", message)
                pipeline.execute()

    return {
        "push": each(lambda number: client.push(NOOP, [number])),
        "enqueue": each(nothing.enqueue),
        "delay": each(noop.delay),
        "transaction": each(in_transaction),
        "empty": each(empty_transaction),
        "scheduled": each(lambda number: client.push(NOOP, [number], seconds=3600)),
        "run_after": each(nothing.using(run_after=timezone.now() + timedelta(hours=1)).enqueue),
        "bulk": lambda count: client.push_bulk(NOOP, [[number] for number in range(count)]),
        "bulk_nothing": lambda count: client.push_bulk(nothing.module_path, [[number] for number in range(count)]),
        "now_and_then": lambda count: visits(count, 0.015, lambda: client.push(tell.name, [time.time()])),
        "busy": lambda count: visits(count, 0.004, lambda: client.push(tell.name, [time.time(), 0.05])),
        "tell": each(lambda number: client.push(tell.name, [time.time()])),
        "later": later,
        "mail": mail,
        "lpush": each(lambda number: raw.lpush("raw", message)),
        "lpush_and_set": each(lpush_and_set),
        "lpush_in_bulk": lpush_in_bulk,
    }


def visits(count, pause, call):
    """Calls at the times at which visitors come: by chance, `pause` seconds apart in general."""
    chance, due = random.Random(count), time.monotonic()
    for _ in range(count):
        due += chance.expovariate(1 / pause)
        time.sleep(max(due - time.monotonic(), 0))
        call()


def later(count):
    """Jobs that are due within the next seconds, each knowing when."""
    chance = random.Random(count)
    for _ in range(count):
        seconds = chance.uniform(1, 3)
        client.push(tell.name, [time.time() + seconds], seconds=seconds)


def mail(count):
    for number in range(count):
        address = f"reader{number}@example.com"
        send_mail(f"Alice liked your photo {number}", TEXT, None, [address], html_message=HTML)


TEXT = "Hello,\n\nAlice liked your photo. Look at it: http://localhost:8000/posts/1/\n\n" + 8 * f"{'word ' * 14}\n"
HTML = f"<!doctype html><html><body><h1>Hello</h1><p>{TEXT}</p><p><a href='http://localhost:8000/'>Look</a></p></body></html>"
