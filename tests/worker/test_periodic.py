import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import celery
import pytest
from redis import RedisError

from tests.servers import until
from worker import keys, message, periodic
from worker.connection import Scripts, connect
from worker.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("no_outbox")

# A Sunday evening.
NOW = datetime(2026, 11, 22, 20, 7, 30, tzinfo=UTC).timestamp()


@pytest.fixture
def app(monkeypatch):
    """An app of the test alone, in place of ours."""
    app = celery.Celery("recurring", set_as_current=False)
    app.conf.task_default_queue = "default"
    app.finalize()
    monkeypatch.setattr(periodic.celery, "current_app", app)
    return app


@pytest.fixture
def declare(app):
    def declare(name="tasks.tidy", **options):
        app.task(name=name, shared=False, **options)(nothing)
        return next((entry for entry in periodic.entries() if entry.name == name), None)

    return declare


def nothing():
    pass


@pytest.fixture
def tick(redis):
    """Look as a worker does; returns how many jobs were made."""
    scripts = Scripts(redis)
    return lambda *entries: periodic.tick(redis, scripts, list(entries))


def put_off(redis, entry, seconds):
    """Let the next tick of the entry be so many seconds from now."""
    rule = redis.hget(keys.PERIODIC_NEXT, entry.name).decode().partition("|")[2]
    redis.hset(keys.PERIODIC_NEXT, entry.name, f"{redis.time()[0] + seconds:.6f}|{rule}")


def jobs(redis, queue="default"):
    return [message.decoded(job)[0]["task"] for job in redis.lrange(queue, 0, -1)]


class TestRules:
    @pytest.mark.parametrize(
        "options, rule",
        [
            ({"every": 60}, "every 60 s"),
            ({"every": 0.5}, "every 0.5 s"),
            ({"every": timedelta(minutes=5)}, "every 300 s"),
            ({"cron": "0 3 * * *"}, "0 3 * * *"),
            ({"cron": "*/5 9-17 * * mon-fri"}, "*/5 9-17 * * mon-fri"),
        ],
    )
    def test_are_declared_beside_the_task(self, declare, options, rule):
        entry = declare(queue="mailers", **options)
        assert (entry.name, entry.queue, entry.rule) == ("tasks.tidy", "mailers", rule)

    def test_are_on_the_default_queue_unless_the_task_says_otherwise(self, declare):
        assert declare(every=60).queue == "default"

    def test_are_of_those_tasks_alone_that_have_one(self, declare):
        assert declare() is None

    @pytest.mark.parametrize(
        "options",
        [
            {"every": 0},
            {"every": -5},
            {"every": timedelta(0)},
            {"every": float("nan")},
            {"every": "60"},
            {"every": 60, "cron": "0 3 * * *"},
            {"cron": ""},
            {"cron": "0 3 * *"},
            {"cron": "0 3 * * * *"},
            {"cron": "61 * * * *"},
            {"cron": "0 25 * * *"},
            {"cron": "daily"},
            {"cron": "0 0 30 2 *"},
            {"cron": 5},
        ],
        ids=repr,
    )
    def test_that_cannot_be_read_are_an_error_that_names_the_task(self, declare, options):
        with pytest.raises(ConfigurationError, match=r"tasks\.tidy has every=.* and cron=.*: use one of them"):
            declare(**options)


class TestNext:
    @pytest.mark.parametrize(
        "options, expected",
        [
            ({"every": 60}, datetime(2026, 11, 22, 20, 8)),
            ({"every": 3600}, datetime(2026, 11, 22, 21)),
            ({"every": timedelta(days=1)}, datetime(2026, 11, 23)),
            ({"cron": "0 3 * * *"}, datetime(2026, 11, 23, 3)),
            ({"cron": "*/5 * * * *"}, datetime(2026, 11, 22, 20, 10)),
            ({"cron": "8 20 * * *"}, datetime(2026, 11, 22, 20, 8)),
            ({"cron": "7 20 * * *"}, datetime(2026, 11, 23, 20, 7)),
            ({"cron": "30 9 * * mon-fri"}, datetime(2026, 11, 23, 9, 30)),
            ({"cron": "0 0 29 2 *"}, datetime(2028, 2, 29)),
            ({"cron": "0 0 1 1 *"}, datetime(2027, 1, 1)),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
    def test_is_later_and_in_utc_wherever_the_app_is(self, app, declare, options, expected, zone):
        app.conf.timezone = zone
        periodic.schedule.cache_clear()
        assert datetime.fromtimestamp(declare(**options).next(NOW), UTC) == expected.replace(tzinfo=UTC)

    @pytest.mark.parametrize("options", [{"every": 1}, {"every": 0.5}, {"every": 7}, {"cron": "* * * * *"}], ids=repr)
    def test_after_a_tick_is_the_one_that_follows_it(self, declare, options):
        entry, at = declare(**options), NOW
        for _ in range(200):
            after = entry.next(at)
            assert after > at
            assert entry.next((at + after) / 2) == after
            at = after

    def test_is_the_same_for_workers_that_started_at_different_times(self, declare):
        entry = declare(every=3600)
        assert {entry.next(NOW + seconds) for seconds in (0, 100.5, 3000)} == {entry.next(NOW)}


class TestTick:
    def test_a_new_rule_waits_for_its_first_time(self, redis, tick, declare):
        entry = declare(every=3600)
        assert tick(entry) == 0
        due, _, rule = redis.hget(keys.PERIODIC_NEXT, entry.name).decode().partition("|")
        assert rule == entry.rule
        assert 0 < float(due) - redis.time()[0] <= 3600
        assert tick(entry) == 0
        assert redis.llen("default") == 0

    def test_what_is_due_becomes_a_job_once(self, redis, tick, declare):
        entry = declare(every=3600, queue="mailers")
        tick(entry)
        put_off(redis, entry, -1)
        assert tick(entry) == 1
        assert tick(entry) == 0
        (job,) = redis.lrange("mailers", 0, -1)
        headers, _, args, kwargs, _ = message.decoded(job)
        assert (headers["task"], args, kwargs) == (entry.name, [], {})
        last = json.loads(redis.hget(keys.PERIODIC_LAST, entry.name))
        assert last["id"] == headers["id"]
        assert abs(last["at"] - redis.time()[0]) < 5

    def test_what_was_missed_is_made_up_for_once(self, redis, tick, declare):
        entry = declare(every=1)
        tick(entry)
        put_off(redis, entry, -86_400)
        assert tick(entry) == 1
        due = float(redis.hget(keys.PERIODIC_NEXT, entry.name).decode().partition("|")[0])
        assert due > redis.time()[0] - 1
        assert redis.llen("default") == 1

    def test_many_workers_make_one_job_of_a_tick(self, redis, declare):
        entries = [declare(f"tasks.number{number}", every=10**9) for number in range(10)]
        clients = [connect() for _ in range(8)]

        def look(client):
            return periodic.tick(client, Scripts(client), entries)

        with ThreadPoolExecutor(8) as threads:
            for _ in range(10):
                list(threads.map(look, clients))
                for entry in entries:
                    put_off(redis, entry, -1)
                assert sum(threads.map(look, clients)) == 10
        assert Counter(jobs(redis)) == {entry.name: 10 for entry in entries}

    def test_a_changed_rule_counts_from_now(self, redis, tick, declare):
        entry = declare(every=3600)
        tick(entry)
        put_off(redis, entry, -1)
        changed = entry._replace(every=1800.0)
        assert tick(changed) == 0
        assert redis.hget(keys.PERIODIC_NEXT, entry.name).decode().endswith("|every 1800 s")
        put_off(redis, entry, -1)
        assert tick(changed) == 1

    def test_a_paused_one_makes_no_job_and_does_not_make_up_for_it(self, redis, tick, declare):
        entry = declare(every=3600)
        tick(entry)
        redis.sadd(keys.PERIODIC_PAUSED, entry.name)
        put_off(redis, entry, -1)
        assert tick(entry) == 0
        redis.srem(keys.PERIODIC_PAUSED, entry.name)
        assert tick(entry) == 0
        assert redis.llen("default") == 0
        put_off(redis, entry, -1)
        assert tick(entry) == 1

    def test_one_that_is_in_the_way_of_its_queue_holds_up_no_other(self, redis, tick, declare):
        entries = [declare("tasks.a", every=60, queue="broken"), declare("tasks.b", every=60)]
        tick(*entries)
        redis.set("broken", "no list")
        for entry in entries:
            put_off(redis, entry, -1)
        for _ in range(2):
            with suppress(RedisError):
                tick(*entries)
        assert jobs(redis) == ["tasks.b"]


class TestRunNow:
    def test_makes_the_job_whatever_the_time(self, redis, tick, declare):
        entry = declare(every=3600, queue="mailers")
        tick(entry)
        id = periodic.run_now(entry.name)
        assert message.id_of(redis.lindex("mailers", 0)) == id
        assert json.loads(redis.hget(keys.PERIODIC_LAST, entry.name))["id"] == id
        assert tick(entry) == 0

    def test_works_while_it_is_paused(self, redis, declare):
        entry = declare(every=3600)
        redis.sadd(keys.PERIODIC_PAUSED, entry.name)
        assert periodic.run_now(entry.name)
        assert jobs(redis) == [entry.name]

    def test_of_a_task_without_a_rule_is_an_error(self, redis, declare):
        declare()
        with pytest.raises(KeyError, match="tasks.tidy"):
            periodic.run_now("tasks.tidy")
        assert redis.dbsize() == 0


class TestWorkers:
    def test_make_jobs_of_both_kinds_of_task_and_run_them(self, staff):
        staff.start_several(2, 2, tasks="tests.worker.recurring")
        until(lambda: staff.said().count("every second") >= 2, "two ticks", 20)
        staff.hear("every other second")
        assert {name.decode() for name in staff.redis.hkeys(keys.PERIODIC_NEXT)} >= {
            f"tests.worker.recurring.{name}" for name in ("every_second", "every_other_second")
        }
        assert not staff.ids(keys.DEAD)

    def test_a_rule_that_cannot_be_read_ends_the_worker_with_a_sentence(self, staff):
        worker = staff.launch(1, tasks="tests.worker.recurring", EVERY="-1")
        assert worker.wait(30) != 0
        assert "tests.worker.recurring.every_second has every=-1.0 and cron=None: use one of them" in worker.log()
        assert "Traceback" not in worker.log()
