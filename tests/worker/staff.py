"""Real workers for one test, which hears what their jobs say (tests/worker/tasks.py)."""

import json
import sqlite3
from contextlib import closing

from tests.chaos.crew import Crew
from tests.servers import until
from worker import client, keys, message

DAILY = ["web.accounts.tasks.clear_sessions", "web.hooks.tasks.forget"]  # whose hour may be that of a test


class Staff(Crew):
    def __init__(self, folder):
        super().__init__(folder)
        self.pause_daily()

    def pause_daily(self):
        self.redis.sadd(keys.PERIODIC_PAUSED, *DAILY)

    def start(self, *arguments, tasks="tests.worker.tasks", **options):
        return super().start(*arguments, tasks=tasks, **options)

    def push(self, task, *args, **options):
        return client.push(f"tests.worker.tasks.{task}", args, **options)

    def said(self):
        return [word.decode() for word in self.redis.lrange("test:said", 0, -1)]

    def hear(self, word, seconds=20):
        until(lambda: word in self.said(), f"{word!r} from a job", seconds)

    def let(self, word):
        """Let the job go on that waits for this word."""
        self.redis.rpush(f"test:{word}", "")

    def held(self):
        """The ids of the jobs that workers hold."""
        jobs = [job for key in self.redis.scan_iter("inflight:*") for job in self.redis.hvals(key)]
        return [message.id_of(job.partition(b"\n")[2]) for job in jobs]

    def ids(self, key):
        """The ids of the jobs in retry, dead or schedule."""
        return [message.id_of(job.partition(b"\n")[2]) for job in self.redis.zrange(key, 0, -1)]

    def failure(self, id):
        """What is kept of the job's last failure."""
        return json.loads(self.redis.hget(keys.ATTEMPTS, id) or "null")

    def ledger(self, outcome):
        return int(self.redis.hget(keys.LEDGER, outcome) or 0)

    def hurry(self):
        """Have what waits in retry be due now."""
        for each in self.redis.zrange(keys.RETRY, 0, -1):
            self.redis.zadd(keys.RETRY, {each: 0})

    def process(self):
        """What the only worker tells of itself, as {field: text}."""
        (name,) = (key for key in self.redis.scan_iter("process:*"))
        return {field.decode(): value.decode() for field, value in self.redis.hgetall(name).items()}

    def died(self):
        """What was told of the dead (tests/worker/mourner.py)."""
        return [death.decode() for death in self.redis.lrange("test:died", 0, -1)]

    def clear(self):
        """Leave nothing to the next test."""
        self.kill_all()
        self.redis.flushdb()
        self.pause_daily()
        with closing(sqlite3.connect(self.database.path)) as database, database:
            database.execute("DELETE FROM worker_outbox")

    def wipe(self):
        """Leave nothing but the workers."""
        theirs = (b"processes", b"process:", b"work:", b"inflight:")
        for key in self.redis.scan_iter():
            if not key.startswith(theirs):
                self.redis.delete(key)
        self.pause_daily()
