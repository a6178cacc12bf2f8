import json

import pytest

from worker import client, dead, keys, reaper
from worker.api.connection import connection
from worker.heartbeat import Heartbeat
from worker.process import Process


@pytest.fixture
def redis(no_outbox):
    """The client of worker.api, with nothing in Redis."""
    redis = connection()
    redis.flushdb()
    yield redis
    redis.flushdb()


class Worker:
    """A worker process without threads: a test says what becomes of what it has fetched."""

    def __init__(self, threads=50):
        self.process = Process({"default": 1, "mailers": 1}, threads)
        self.heartbeat = Heartbeat(self.process)
        self.beat()

    def beat(self):
        self.heartbeat.beat(join=True)

    def fetch(self, count=50):
        """Take up to `count` jobs, and hand in what is finished; returns them."""
        self.process.threads = len(self.process.taken) + count
        return self.process.fetch(["default", "mailers"])

    def finish(self, held, outcome="done"):
        """Hand in a job that is over."""
        self.process.finish(held, outcome, id_of(held))
        self.fetch(0)

    def fail(self, held, key=keys.RETRY, attempt=1, seconds=60, error="ValueError", message="no"):
        names = [self.process.inflight, key, keys.ATTEMPTS, keys.PROCESSED, keys.FAILED, keys.LEDGER]
        failure = dead.record(error, message, attempt, "Traceback (most recent call last): …")
        arguments = [held.tag, id_of(held), 0 if key == keys.DEAD else seconds, failure]
        assert self.process.scripts.fail(names, arguments) == 1
        self.process.moved(held)

    def release(self, held):
        self.process.scripts.release([self.process.inflight, keys.LEDGER], [held.tag])
        self.process.moved(held)

    def die(self):
        """Be found dead by another, and start anew."""
        self.process.client.zadd(keys.PROCESSES, {self.process.id: 1})
        reaper.Reaper().bury(self.process.id, self.process.scripts)
        self.process.rename()
        self.beat()


def id_of(held):
    return json.loads(held.message)["headers"]["id"]


@pytest.fixture
def worker(redis):
    return Worker()


@pytest.fixture
def push(redis):
    """Enqueue a job with a number: `push(1, seconds=60)`; returns its id."""
    return lambda number=1, **options: client.push("tasks.count", [number], **options)


@pytest.fixture
def retry(push, worker):
    """Jobs in retry: `retry(3)` gives their ids, in the order in which they are due."""

    def make(count=1, key=keys.RETRY, **options):
        ids = [push(number) for number in range(count)]
        for number, held in enumerate(worker.fetch(count)):
            worker.fail(held, key, seconds=60 + number, **options)
        return ids

    return make


@pytest.fixture
def bury(retry):
    """Jobs in dead: `bury(3)` gives their ids, the first the longest dead."""
    return lambda count=1, **options: retry(count, keys.DEAD, **options)
