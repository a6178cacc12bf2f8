import time

from worker import api, job
from worker.metrics import Tally


def ended(name, queue="default", seconds=0.05, failed=False):
    running = job.Running(name, "id", queue)
    running.started = time.monotonic() - seconds
    return running, failed


def tell(worker, *attempts):
    tally = Tally()
    for running, failed in attempts:
        tally.add(running, failed)
    worker.process.tally = tally
    worker.beat()


def test_activity_is_that_of_all_tasks_and_counts_none_twice(worker):
    tell(worker, ended("a"), ended("b", "mailers"), ended("b", failed=True))
    found = api.activity(60)
    assert len(found) == 60
    assert [sum(row[1] for row in found), sum(row[2] for row in found)] == [3, 1]


def test_rates_are_those_of_queues(worker):
    assert api.rates() == {}
    tell(worker, ended("a"), ended("b", "mailers"), ended("b"))
    rates = api.rates()
    assert set(rates) == {"default", "mailers"}
    assert rates["default"] == 2 * rates["mailers"]
    assert 1 / 120 <= rates["mailers"] <= 1 / 60


def test_since_ever_keeps_what_the_minutes_have_forgotten(worker, redis):
    tell(worker, ended("a"), ended("a", failed=True))
    redis.delete(*redis.scan_iter("metrics:1*"))
    tell(worker, ended("a"), ended("b"))
    found = api.since_ever()
    assert {task: (measure.count, measure.failed) for task, measure in found.items()} == {"a": (3, 1), "b": (1, 0)}
    assert sum(found["a"].histogram) == 3
