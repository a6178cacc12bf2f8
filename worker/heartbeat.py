"""What a worker does beside running jobs: it says that it lives, looks for the dead, and promotes what is due."""

import json
import logging
import os
import resource
import threading
import time
from pathlib import Path

import redis

from worker import config, dead, keys, periodic, scheduled, signals
from worker.connection import Scripts, connect
from worker.metrics import RECENT_KEPT
from worker.process import HOST, KEPT
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
        self.recurring = periodic.entries()

    def run(self):
        tasks = {
            self.beat: BEAT,
            self.reap: REAP,
            self.promote: scheduled.INTERVAL,
            self.tick: periodic.INTERVAL,
            self.trim: TRIM,
        }
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
            self.process.outage.met(error)
        except Exception:  # without this thread the process would be taken for dead
            logger.exception("%s failed", task.__name__)

    def beat(self, join=False):
        """Tell that the process lives, and do what it is told to.

        One that was taken for dead stays so, until a fetch tells it.
        """
        process = self.process
        metrics, recent = process.tally.take(process.id)
        told = {"facts": self.facts(), "work": self.work(), "metrics": metrics, "recent": recent}
        name = process.id
        names = [keys.PROCESSES, keys.process(name), keys.work(name), keys.signals(name)]
        names += [keys.RECENT, keys.RELEASES, keys.METRICS_TOTAL]
        try:
            orders = self.scripts.beat(names, [name, KEPT, int(join), json.dumps(told), RECENT_KEPT])
        except redis.RedisError:
            process.tally.give_back()
            raise
        process.outage.is_over()
        for order in orders or ():
            signals.obey(process, order.decode())

    def facts(self):
        process = self.process
        return {
            "host": HOST,
            "pid": os.getpid(),
            "started": self.started,
            "queues": ",".join(process.queues),
            "concurrency": process.threads,
            "busy": process.threads - process.idle,
            "quiet": int(process.quiet or process.stopping),
            "rss": rss(),
            "release": config.RELEASE,
            "engine": config.ENGINE,
        }

    def work(self):
        return {str(running.held.tag): described(running) for running in self.process.runs()}

    def reap(self):
        self.reaper.rescue(self.client, self.scripts)

    def promote(self):
        scheduled.promote(self.scripts)
        scheduled.adopt(self.scripts, self.process.queues)

    def tick(self):
        periodic.tick(self.client, self.scripts, self.recurring)

    def trim(self):
        dead.trim(self.scripts)


def described(running):
    return json.dumps(
        {
            "id": running.id,
            "task": running.name,
            "queue": running.queue,
            "started": running.at,
            "thread": running.thread_name,
            "progress": running.progress,
        }
    )


def rss():
    """Bytes of memory that this process holds (its most so far, where there is no /proc)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
