"""Jobs for the journeys of an operator."""

import time
from pathlib import Path

from celery import shared_task

from worker.job import progress

MENDED = Path("mended")  # in the folder of the stack; while it is missing, `fragile` fails


@shared_task
def greet(name):
    return f"hello {name}"


@shared_task
def linger(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        progress(40, 200, "photos")
        time.sleep(0.05)


@shared_task(max_retries=0)
def fragile(number):
    if not MENDED.exists():
        raise ConnectionError("the printer is on fire")


@shared_task
def stumble(number):
    raise ValueError(f"no {number} today")


@shared_task(every=86_400)
def sweep():
    pass
