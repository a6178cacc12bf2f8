"""Recurring jobs, for workers of their own."""

import os

from celery import shared_task
from django.tasks import task

from tests.worker.tasks import say

EVERY = float(os.environ.get("EVERY", 1))  # seconds


@task(every=EVERY)
def every_second():
    say("every second")


@shared_task(every=2 * EVERY)
def every_other_second():
    say("every other second")
