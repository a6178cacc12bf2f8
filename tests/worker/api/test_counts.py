import time
from itertools import pairwise

import pytest

from worker import api, job, keys
from worker.metrics import Tally


class At:
    """An attempt that took so many seconds."""

    queue, at = "default", 1_000_000_000.0

    def __init__(self, name, elapsed, id="id"):
        self.name, self.elapsed, self.id = name, elapsed, id


def test_nothing_has_happened_yet(redis):
    assert api.stats()[:-1] == (0,) * 8 and api.stats().latency is None
    assert api.recent() == [] and api.metrics() == {}
    assert [day[1:] for day in api.history(3)] == [(0, 0)] * 3
    assert len(api.series("tasks.count")) == 60


def test_stats_count_what_was_done_and_what_is_where(redis, worker, push, retry, bury):
    retry(2), bury(1), push(seconds=60)
    for _ in range(4):
        push()
    held = worker.fetch(3)
    worker.finish(held[0])
    stats = api.stats()
    assert (stats.processed, stats.failed) == (4, 3)
    assert (stats.waiting, stats.scheduled, stats.retrying, stats.dead, stats.running) == (1, 1, 2, 1, 2)
    assert stats.processes == 1 and 0 <= stats.latency < 10


def test_history_ends_today_in_utc(redis, worker, retry):
    retry(2)
    today = redis.time()[0] // 86400
    redis.hset(keys.PROCESSED, today - 2, 7)
    days = api.history(4)
    assert [day[1:] for day in days] == [(0, 0), (7, 0), (0, 0), (2, 2)]
    assert [day.date.toordinal() - 719163 for day in days] == [today - 3, today - 2, today - 1, today]


def test_what_was_done_last_comes_first(redis, worker):
    worker.process.tally.add(running := job.Running("tasks.count", "a", "default"))
    worker.process.tally.add(job.Running("tasks.count", "b", "mailers"))
    worker.beat()
    second, first = api.recent()
    assert (first.id, second.id, second.queue, first.task) == ("a", "b", "mailers", "tasks.count")
    assert (first.state, first.process) == ("done", worker.process.id)
    assert first.started == pytest.approx(running.at, abs=0.01) and first.finished >= first.started
    assert len(api.recent(1)) == 1
    redis.lpush(keys.RECENT, "garbage", '{"finished": "x", "elapsed": []}')
    assert [each.id for each in api.recent()] == ["", "", "b", "a"]


def test_metrics_add_up_what_workers_handed_in(redis, worker):
    tally = worker.process.tally
    for elapsed in (0.001, 0.03, 0.03, 10):
        tally.add(At("quick", elapsed))
    tally.add(At("slow|er", 100), failed=True)
    worker.beat()
    tally.add(At("quick", 0.03), failed=True)
    worker.beat()
    found = api.metrics()
    assert list(found) == ["slow|er", "quick"]
    quick = found["quick"]
    assert (quick.count, quick.failed, quick.milliseconds) == (5, 1, 10_091)
    assert quick.histogram[:3] == (1, 3, 0) and sum(quick.histogram) == 5 and len(quick.histogram) == 26
    assert quick.average == pytest.approx(2018.2)
    assert [quick.percentile(share) for share in (0.1, 0.5, 0.8, 0.95)] == [20, 40, 40, 10_240]
    assert found["slow|er"].percentile(0.5) == 163_840


def test_a_measure_of_nothing_has_no_average(redis):
    measure = api.series("none")[0][1]
    assert (measure.count, measure.average, measure.percentile(0.5)) == (0, None, None)


@pytest.mark.parametrize(
    "minutes, step, length", [(60, 1, 60), (480, 1, 480), (481, 10, 49), (4320, 10, 432), (10**6, 10, 432)]
)
def test_a_series_has_a_measure_for_each_minute_or_ten(redis, minutes, step, length):
    now = redis.time()[0]
    redis.hset(keys.metrics(now // 60 // step, step), mapping={"tasks.count|n": 3, "tasks.count|h1": 3})
    redis.hset(keys.metrics(now // 60 // step - 1, step), mapping={"tasks.count|n": 2})
    series = api.series("tasks.count", minutes)
    assert len(series) == length
    starts = [start for start, _ in series]
    assert {later - earlier for earlier, later in pairwise(starts)} == {step * 60}
    assert starts[-1] <= time.time() < starts[-1] + 2 * step * 60
    assert [measure.count for _, measure in series][-3:] in ([0, 2, 3], [2, 3, 0])  # or a minute has just begun
    assert api.metrics(minutes)["tasks.count"].count == 5


def test_the_tally_and_the_api_mean_the_same_by_a_bucket():
    tally = Tally()
    tally.add(At("a", 0.0399))
    counts, _ = tally.take("p")
    assert {name: count for name, count in counts.items() if name[0] != "@"} == {"a|n": 1, "a|ms": 39, "a|h1": 1}
