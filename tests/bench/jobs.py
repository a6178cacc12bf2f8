"""The jobs of the benchmark, which our worker loads with `-I tests.bench.jobs`."""

import os
import time
from functools import cache

from celery import shared_task
from django.tasks import task


@shared_task
def noop(number): ...


@task
def nothing(number): ...


@shared_task
def tell(due, seconds=0):
    """Write down how late it is, and work for a while."""
    os.write(told(), f"{time.time() - due}\n".encode())
    time.sleep(seconds)


@cache
def told():
    return os.open(os.environ["BENCH_TOLD"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
