"""Celery as it comes, with the one setting that keeps a job until it has run: late acknowledgement."""

import os

from asked import each
from celery import Celery

app = Celery("stock", broker=os.environ["REDIS_URL"])
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, task_ignore_result=True)


@app.task(name="noop")
def noop(number): ...


def actions():
    return {
        "single": each(lambda number: noop.apply_async((number,))),
        "scheduled": each(lambda number: noop.apply_async((number,), countdown=3600)),
    }
