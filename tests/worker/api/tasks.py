"""A task for a real worker."""

import time

from celery import shared_task


@shared_task(max_retries=0)
def wait(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
