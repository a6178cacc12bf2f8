"""Brings jobs to their queues: those that are due, and those that stock Celery keeps beside them."""

from itertools import chain

from worker import keys

INTERVAL = 0.5  # seconds between two looks; every worker looks, and the script moves each job once
BATCH = 500
ROUNDS = 20  # batches in one look: a worker that promoted for long would give no sign of life meanwhile


def promote(scripts):
    """Move what is due from schedule and retry; returns how many."""
    moved = 0
    for key, fetched in ((keys.SCHEDULE, 0), (keys.RETRY, 1)):
        for _ in range(ROUNDS):
            count = scripts.promote([key, keys.LEDGER], [BATCH, fetched])
            moved += count
            if count < BATCH:
                break
    return moved


def adopt(scripts, queues):
    """Bring jobs to these queues that have a priority of stock Celery's; returns how many."""
    groups = [[queue, *keys.priorities(queue)] for queue in queues]
    return scripts.adopt(list(chain(*groups)), [len(groups[0]), BATCH])
