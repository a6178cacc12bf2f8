"""How many jobs of each task ended, how many of them failed, and how long they took.

Counted in the worker's memory and handed in with each sign of life, so that it costs no round trip. What a worker that
is killed had not handed in is missing here; worker/lua/fetch.lua counts what has to be exact.
"""

import json
import threading
from collections import deque

BUCKETS = 26  # of the histogram: less than 20 ms, 40 ms, 80 ms, … (Sidekiq's metrics/shared.rb)
WIDTH = 3 + BUCKETS
RECENT = 100  # jobs that are handed in at a time, and
RECENT_KEPT = 1000  # that are kept


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.tasks, self.recent = {}, deque(maxlen=RECENT)

    def add(self, running, failed=False):
        """Count an attempt that has ended just now."""
        milliseconds = int(running.elapsed * 1000)
        with self.lock:
            for name in (running.name, f"@{running.queue}"):
                counts = self.tasks.get(name)
                if counts is None:
                    counts = self.tasks[name] = [0] * WIDTH
                counts[0] += 1
                counts[1] += failed
                counts[2] += milliseconds
                counts[3 + bucket(milliseconds)] += 1
            if not failed:
                self.recent.appendleft((running, milliseconds))

    def take(self, process):
        """(counts by field of the metrics, recently done jobs as JSON, the newest first); the tally is empty then."""
        with self.lock:
            self.taken = self.tasks, self.recent
            self.tasks, self.recent = {}, deque(maxlen=RECENT)
        tasks, recent = self.taken
        counts = {
            f"{task}|{kind}": count
            for task, found in tasks.items()
            for kind, count in zip(KINDS, found, strict=True)
            if count
        }
        return counts, [record(process, running, milliseconds) for running, milliseconds in recent]

    def give_back(self):
        """What was taken last could not be handed in: it is handed in with what has come since."""
        tasks, recent = self.taken
        with self.lock:
            for name, counts in tasks.items():
                self.tasks[name] = [a + b for a, b in zip(counts, self.tasks.get(name, [0] * WIDTH), strict=True)]
            self.recent.extend(list(recent)[: RECENT - len(self.recent)])


KINDS = ("n", "f", "ms", *(f"h{number}" for number in range(BUCKETS)))


def bucket(milliseconds):
    """Which bucket of the histogram: 0 below 20 ms, 1 below 40 ms, 2 below 80 ms, …"""
    return min((milliseconds // 20).bit_length(), BUCKETS - 1)


def record(process, running, milliseconds):
    return json.dumps(
        {
            "id": running.id,
            "task": running.name,
            "queue": running.queue,
            "process": process,
            "finished": running.at + milliseconds / 1000,
            "elapsed": milliseconds / 1000,
        }
    )
