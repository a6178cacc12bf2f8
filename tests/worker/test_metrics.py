import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import redis as redis_py

from tests.servers import until
from worker import keys, metrics
from worker.heartbeat import Heartbeat
from worker.metrics import Tally, bucket
from worker.process import Process


def ran(milliseconds, name="tasks.add", id="id"):
    """An attempt that has just ended, after so long."""
    elapsed = milliseconds / 1000
    return SimpleNamespace(name=name, id=id, queue="default", at=time.time() - elapsed, elapsed=elapsed)


def hashes(redis, minutes):
    return {
        int(key.rpartition(b":")[2]): {field.decode(): int(count) for field, count in redis.hgetall(key).items()}
        for key in redis.scan_iter(f"metrics:{minutes}m:*")
    }


class TestBuckets:
    @pytest.mark.parametrize(
        "milliseconds, expected",
        [(0, 0), (19, 0), (20, 1), (39, 1), (40, 2), (79, 2), (80, 3), (20 * 2**24 - 1, 24), (20 * 2**24, 25)],
    )
    def test_begin_with_20_ms_and_double(self, milliseconds, expected):
        assert bucket(milliseconds) == expected

    def test_hold_everything(self):
        assert bucket(10**12) == metrics.BUCKETS - 1


class TestTally:
    def test_counts_by_task(self):
        tally = Tally()
        for milliseconds in (5, 30, 30):
            tally.add(ran(milliseconds))
        tally.add(ran(100), failed=True)
        tally.add(ran(5, "tasks.other"))
        counts, _ = tally.take("p")
        counts = {field: count for field, count in counts.items() if field.startswith("tasks.")}
        assert counts.pop("tasks.add|ms") == pytest.approx(165, abs=10)
        assert counts.pop("tasks.other|ms") == pytest.approx(5, abs=5)
        assert counts == {
            "tasks.add|n": 4, "tasks.add|f": 1, "tasks.add|h0": 1, "tasks.add|h1": 2, "tasks.add|h3": 1,
            "tasks.other|n": 1, "tasks.other|h0": 1,
        }  # fmt: skip

    def test_gives_each_count_once(self):
        tally = Tally()
        tally.add(ran(5))
        tally.take("p")
        assert tally.take("p") == ({}, [])

    def test_tells_what_was_done_last_the_newest_first(self):
        tally = Tally()
        tally.add(ran(1500, id="first"))
        tally.add(ran(5, id="failed"), failed=True)
        tally.add(ran(5, id="last"))
        _, recent = tally.take("host:1:a")
        last, first = map(json.loads, recent)
        assert (last["id"], first["id"]) == ("last", "first")
        assert (first["task"], first["queue"], first["process"]) == ("tasks.add", "default", "host:1:a")
        assert first["elapsed"] == pytest.approx(1.5, abs=0.1)
        assert first["finished"] == pytest.approx(time.time(), abs=1)


class TestBeat:
    @pytest.fixture
    def heartbeat(self, redis):
        heartbeat = Heartbeat(Process({"default": 1}, 1))
        heartbeat.beat(join=True)
        return heartbeat

    def test_hands_in_by_minute_and_by_ten(self, redis, heartbeat):
        heartbeat.process.tally.add(ran(5))
        heartbeat.beat()
        heartbeat.process.tally.add(ran(30), failed=True)
        heartbeat.beat()
        minute = redis.time()[0] // 60
        for minutes, hours in ((1, 8), (10, 72)):
            summed = {}
            for at, counts in hashes(redis, minutes).items():
                assert at in (minute // minutes, minute // minutes - 1)
                assert 0 < redis.ttl(keys.metrics(at, minutes)) <= hours * 3600
                assert redis.ttl(keys.metrics(at, minutes)) > hours * 3600 - 60
                for field, count in counts.items():
                    summed[field] = summed.get(field, 0) + count
            assert summed["tasks.add|n"] == 2
            assert summed["tasks.add|f"] == 1
            assert summed["tasks.add|h0"] == summed["tasks.add|h1"] == 1
        total = {field.decode(): int(count) for field, count in redis.hgetall(keys.METRICS_TOTAL).items()}
        assert total == summed and redis.ttl(keys.METRICS_TOTAL) == -1

    def test_costs_no_round_trip_of_its_own(self, redis, heartbeat):
        heartbeat.process.tally.add(ran(5))
        redis.config_resetstat()
        heartbeat.beat()
        assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == 1
        assert hashes(redis, 1)

    def test_keeps_a_thousand_of_what_was_done(self, redis, heartbeat):
        for number in range(1100):
            heartbeat.process.tally.add(ran(1, id=str(number)))
            if number % 50 == 49:
                heartbeat.beat()
        recent = [json.loads(each)["id"] for each in redis.lrange(keys.RECENT, 0, -1)]
        assert recent == [str(number) for number in range(1099, 99, -1)]

    def test_hands_in_later_what_redis_was_not_there_to_take(self, server):
        """Only what a killed worker had not handed in is missing."""
        heartbeat = Heartbeat(Process({"default": 1}, 1))
        heartbeat.beat(join=True)
        heartbeat.process.tally.add(ran(5, id="a"))
        server.stop()
        with pytest.raises(redis_py.RedisError):
            heartbeat.beat()
        server.start()
        heartbeat.beat()
        redis = redis_py.Redis(port=server.port)
        assert [counts["tasks.add|n"] for counts in hashes(redis, 1).values()] == [1]
        assert [json.loads(each)["id"] for each in redis.lrange(keys.RECENT, 0, -1)] == ["a"]


def test_processed_and_failed_are_counted_by_day_in_total_and_exactly(shift):
    for number in range(20):
        shift.push("echo", str(number))
        shift.push("fail_at_once", str(number))
        shift.push("fail", str(number))
    until(lambda: not shift.redis.llen("default") and not shift.held(), "every job")
    today = int(datetime.now(UTC).timestamp() // 86_400)
    for key, expected in ((keys.PROCESSED, 60), (keys.FAILED, 40)):
        counts = {day.decode(): int(count) for day, count in shift.redis.hgetall(key).items()}
        assert counts.pop("total") == sum(counts.values()) == expected
        assert counts.keys() <= {str(today - 1), str(today)}  # midnight may have passed
