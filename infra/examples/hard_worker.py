"""A Celery app without Django, on this engine: REDIS_URL=… celery -A hard_worker worker -l INFO"""

import logging
import time

from celery import Celery

from worker import engine, job

app = Celery("hard_worker")
engine.install(app)  # first: the tasks get their base class from it

logger = logging.getLogger(__name__)


@app.task
def work(name, count):
    """Tried again 25 times, in the course of three weeks."""
    for number in range(count):
        time.sleep(0.1)
        job.progress(number + 1, count)
    logger.info("%s worked %d times", name, count)


@app.task(max_retries=2, on_exhausted="discard", time_limit=30)
def guess(answer):
    """Tried again twice, and then forgotten."""
    if answer != 42:
        raise ValueError(f"{answer} is wrong")


@app.task(ignore_result=False)
def add(*numbers):
    """Keeps its result for an hour: add.delay(1, 2).get(timeout=10)"""
    return sum(numbers)


@app.task(cron="0 3 * * *")
def tidy():
    """Each night at three, UTC, however many workers run."""
