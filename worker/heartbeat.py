"""What a worker does beside running jobs: it says that it lives, looks for the dead, and promotes what is due."""

import logging
import os
import threading
import time

import redis

from worker import dead, keys, scheduled
from worker.connection import Scripts, connect
from worker.reaper import Reaper

logger = logging.getLogger(__name__)

BEAT = 5  # seconds between signs of life
REAP = 2  # seconds between looks for dead processes
TRIM = 60  # seconds between looks for dead jobs that are too old


class Heartbeat(threading.Thread):
    def __init__(self, process):
        super().__init__(name="heartbeat", daemon=True)
        self.process = process
        self.client = connect(timeout=2)
        self.scripts = Scripts(self.client)
        self.reaper = Reaper()
        self.stopped = threading.Event()
        self.started = time.time()

    def run(self):
        tasks = {self.beat: BEAT, self.reap: REAP, self.promote: scheduled.INTERVAL, self.trim: TRIM}
        due = dict.fromkeys(tasks, 0)
        while not self.stopped.wait(0.1):
            for task, interval in tasks.items():
                if time.monotonic() >= due[task]:
                    due[task] = time.monotonic() + interval
                    self.attempt(task)

    def attempt(self, task):
        try:
            task()
        except redis.RedisError as error:
            self.reaper.no_answer()
            logger.warning("%s failed, Redis is away: %s", task.__name__, error)

    def beat(self, join=False):
        """Tell that the process lives. One that was taken for dead stays so, until a fetch tells it."""
        facts = {
            "pid": os.getpid(),
            "started": self.started,
            "queues": ",".join(self.process.queues),
            "concurrency": self.process.threads,
            "busy": self.process.threads - self.process.idle,
        }
        pairs = [part for pair in facts.items() for part in pair]
        self.scripts.beat([keys.PROCESSES, keys.process(self.process.id)], [self.process.id, 60, int(join), *pairs])

    def reap(self):
        self.reaper.rescue(self.client, self.scripts)

    def promote(self):
        scheduled.promote(self.scripts)

    def trim(self):
        dead.trim(self.scripts)
