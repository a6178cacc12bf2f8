"""Brings jobs that are due to their queues."""

from worker import keys

INTERVAL = 0.5  # seconds between two looks; every worker looks, and the script moves each job once
BATCH = 100


def promote(scripts):
    """Move all that is due from schedule and retry; returns how many."""
    moved = 0
    for key in (keys.SCHEDULE, keys.RETRY):
        while count := scripts.promote([key], [BATCH]):
            moved += count
    return moved
