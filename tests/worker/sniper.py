"""Imported by a worker: interrupts its jobs at random moments, some before they begin, some when they are over."""

import random
import sys
import threading
import time
from collections import deque

from celery import shared_task
from celery.signals import worker_ready

from tests.worker.tasks import say
from worker import limits
from worker.transport import Transport

shots = deque()


@shared_task(max_retries=0, soft_time_limit=60)
def tiny(number):
    return sum(each for each in range(number % 50))


@shared_task
def count_shots():
    say(f"shots {len(shots)}")


@worker_ready.connect
def start(**_):
    sys.setswitchinterval(1e-5)
    threading.Thread(target=shoot, daemon=True).start()


def shoot():
    while True:
        for running in Transport.process.runs():
            if running.name.endswith("tiny"):
                for _ in range(random.randint(0, 300)):
                    pass
                if running.reason is None:
                    shots.append(running.id)
                limits.interrupt(running, random.choice((limits.Stopped, limits.SoftTimeLimit)))
        time.sleep(0)
