"""Jobs that tell the journal what they do."""

import os
import signal
import time

from celery import shared_task
from django.tasks import task

from tests.chaos.journal import note


@shared_task
def run(number, seconds=0):
    note("start", number)
    time.sleep(seconds)
    note("end", number)


@task
def run_too(number, seconds=0):
    run.run(number, seconds)


@shared_task(bind=True)
def fail_first(self, number):
    if not self.request.retries:
        raise ValueError(f"the first attempt of {number}")
    note("end", number)


@shared_task(bind=True)
def retry_later(self, number, seconds):
    """Asks to be tried again after so many seconds, once."""
    if not self.request.retries:
        note("due", number, seconds)
        raise self.retry(countdown=seconds)
    note("start", number)
    note("end", number)


@shared_task(max_retries=0)
def fail(number):
    raise ValueError(number)


@shared_task(max_retries=0)
def leave(number):
    raise SystemExit(number)


@shared_task
def kill(number):
    note("start", number)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def add(*numbers):
    return sum(number if isinstance(number, int) else sum(number) for number in numbers)


@shared_task(bind=True)
def add_later(self, number, other):
    """Fails the first time."""
    if not self.request.retries:
        raise ValueError("the first attempt")
    return number + other


@shared_task
def end(number):
    note("end", number)


@shared_task
def note_error(request, error, traceback):
    note("error", int(str(error)))


@shared_task(bind=True, max_retries=3, default_retry_delay=0)
def ask_again(self, number):
    if self.request.retries < 2:
        raise self.retry(exc=ValueError("not yet"))
    note("end", number)


@shared_task(bind=True)
def count_down(self, number):
    note("end", number)
    if number:
        raise self.retry(args=[number - 1], countdown=0)


@shared_task(bind=True)
def replace(self, number):
    raise self.replace(run.s(number))
