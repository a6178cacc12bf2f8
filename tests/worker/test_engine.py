"""The engine inside Celery: what its canvas, its commands and its queues do on it."""

import subprocess

import pytest
from celery import Celery

from tests.servers import ROOT, until
from worker import client, config, engine, keys
from worker.errors import ConfigurationError
from worker.process import Process


class TestInstall:
    @pytest.mark.parametrize("broker", [None, config.REDIS_URL], ids=["none", "the same"])
    def test_has_an_app_use_the_redis_of_the_jobs(self, broker):
        app = Celery("mine", broker=broker, set_as_current=False)
        engine.install(app)
        assert app.conf.broker_url == config.REDIS_URL

    def test_refuses_an_app_that_asks_for_another_one(self):
        app = Celery("mine", broker="redis://:hunter2@elsewhere:1/0", set_as_current=False)
        with pytest.raises(ConfigurationError) as error:
            engine.install(app)
        assert str(error.value) == (
            f"the app's broker is 'redis://:***@elsewhere:1/0', but its jobs are kept in REDIS_URL, which is "
            f"'{config.REDIS_URL}': give the app no broker, and set REDIS_URL"
        )


class TestChord:
    def test_whose_header_fails_once_calls_its_body_once(self, shift):
        script(shift, "chord([add.s(1, 2), add_when_asked_again.s(3, 4)])(total.s())")
        until(lambda: len(shift.ids(keys.RETRY)) == 1, "the retry")
        assert not [word for word in shift.said() if word.startswith("total")]
        shift.hurry()
        until(lambda: "total 10" in shift.said(), "the body")
        until(lambda: not shift.held(), "the end")
        assert shift.said().count("total 10") == 1
        assert shift.redis.zcard(keys.DEAD) == 0

    def test_whose_header_fails_for_good_calls_its_errback_once(self, shift):
        script(shift, "chord([add.s(1, 2), fail_at_once.s('no')])(total.s().on_error(say_error.s()))")
        until(lambda: "chord failed" in shift.said(), "the errback")
        until(lambda: len(shift.ids(keys.DEAD)) == 1 and not shift.held(), "the end")
        assert shift.said() == ["chord failed"]


def test_a_chain_whose_link_is_tried_again_goes_on_once(shift):
    script(shift, "chain(add.s(1, 2), add_when_asked_again.s(10), total_of_one.s()).delay()")
    until(lambda: len(shift.ids(keys.RETRY)) == 1, "the retry")
    shift.hurry()
    shift.hear("total 13")
    until(lambda: not shift.held(), "the end")
    assert shift.said() == ["total 13"]


def test_a_job_gives_back_its_connection_to_the_database(staff):
    """There are more threads than connections."""
    staff.start(1)
    for word in ("first", "second"):
        staff.push("borrow", word)
        staff.hear(f"{word} found None")


def test_celerys_remote_control_says_what_to_use_instead(shift):
    for command in (["inspect", "active"], ["inspect", "ping"], ["control", "shutdown"], ["status"]):
        run = celery(shift, *command)
        assert run.returncode != 0, command
        assert "manage.py jobs" in run.stdout + run.stderr, command
        assert "Traceback" not in run.stdout + run.stderr, command


def test_celerys_purge_empties_the_queues(staff):
    staff.push("echo", "purged")
    celery(staff, "purge", "-f")
    assert staff.redis.llen("default") == 0


class TestPause:
    def test_a_paused_queue_is_left_alone_until_it_is_resumed_without_a_busy_loop(self, shift):
        """By what Redis was asked to do between signs of life, not by time."""
        idle = asked(shift)
        shift.redis.sadd(keys.PAUSED, "default")
        for number in range(3):
            shift.push("echo", f"paused {number}")
        shift.push("echo", "open", queue="mailers")
        shift.hear("open")
        paused = asked(shift)
        assert shift.redis.llen("default") == 3
        assert shift.said() == ["open"]
        for calls in (idle, paused):
            assert calls["cmdstat_evalsha"] < 200, calls
            assert calls.get("cmdstat_blmove", 0) < 60, calls
        shift.redis.srem(keys.PAUSED, "default")
        for number in range(3):
            shift.hear(f"paused {number}", 5)

    def test_a_queue_that_is_paused_under_load_stops_and_goes_on(self, shift):
        client.push_bulk("tests.worker.tasks.take", [[str(number), 0.05] for number in range(300)])
        shift.hear("0 ended")
        shift.redis.sadd(keys.PAUSED, "default")
        until(lambda: not shift.held(), "what was taken to end")
        left = shift.redis.llen("default")
        assert left
        shift.push("echo", "open", queue="mailers")
        shift.hear("open")
        assert shift.redis.llen("default") == left
        shift.redis.srem(keys.PAUSED, "default")
        shift.hear("299 ended")

    def test_a_fetch_leaves_it_alone_and_tells_which_are(self, redis, no_outbox):
        client.push("tasks.add", queue="default")
        redis.sadd(keys.PAUSED, "default")
        worker = Process({"default": 1, "mailers": 1}, 1)
        redis.zadd(keys.PROCESSES, {worker.id: redis.time()[0]})
        assert worker.fetch(["default", "mailers"]) == []
        assert worker.paused == {"default"}
        redis.srem(keys.PAUSED, "default")
        assert len(worker.fetch(["default", "mailers"])) == 1
        assert worker.paused == set()


def asked(staff):
    """How often Redis was asked to do what, in the course of six signs of life."""

    def beat():
        return staff.redis.zrange(keys.PROCESSES, 0, 0, withscores=True)[0][1]

    staff.redis.config_resetstat()
    for _ in range(6):
        before = beat()
        until(lambda before=before: beat() > before, "a sign of life")
    return {name: told["calls"] for name, told in staff.redis.info("commandstats").items()}


def script(staff, text):
    head = "import django\ndjango.setup()\nfrom celery import chain, chord\nfrom tests.worker.tasks import *\n"
    run = staff.run(["python", "-c", head + text], {})
    assert run.wait(60) == 0, run.log()


def celery(staff, *arguments):
    command = ["celery", "-A", "worker", *arguments]
    return subprocess.run(command, cwd=ROOT, env=staff.environment, capture_output=True, text=True, timeout=60)
