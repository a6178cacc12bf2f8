"""What a worker process holds, how its threads come by jobs, and when it is done."""

import random
import sys
import threading
import time
from contextlib import suppress

import pytest
import redis as redis_py

from tests.servers import until
from worker import client, keys
from worker.heartbeat import Heartbeat
from worker.process import Process
from worker.transport import Doorbell, Transport

pytestmark = pytest.mark.usefixtures("no_outbox")


@pytest.fixture
def process(redis):
    """One with two threads, which tests play."""
    process = Process({"default": 1}, 2)
    Heartbeat(process).beat(join=True)
    return process


def push(count):
    return client.push_bulk("tests.worker.tasks.note", [[str(number)] for number in range(count)])


def end(process, held):
    process.finish(held)
    process.thread_is_idle(held.tag)


def test_a_thread_without_a_job_hands_in_what_is_finished_and_fetches_as_many_as_are_idle(redis, process):
    push(5)
    process.handoff.put(process.fetch(["default"]))
    for _ in range(2):
        end(process, process.begin())
    third = process.begin()
    assert (third.tag, len(process.handoff.jobs), redis.llen("default")) == (3, 1, 1)
    assert redis.hkeys(process.inflight) == [b"3", b"4"]
    end(process, process.begin())
    assert process.begin().tag == 5
    assert redis.hkeys(process.inflight) == [b"3", b"5"]


def test_who_finds_that_somebody_fetches_does_not_wait_for_it(process):
    push(1)
    process.dry = False
    with process.fetching:
        assert process.refill() == []
    assert len(process.refill()) == 1


def test_who_fetches_sees_to_what_was_finished_meanwhile(redis, process, monkeypatch):
    push(1)
    (held,) = process.fetch(["default"])
    process.dry, exchange = False, process.exchange

    def slow(order):
        jobs = exchange(order)
        if held.tag in process.taken:
            end(process, held)
            assert process.refill() == [], "as a thread does that has nothing more to do"
        return jobs

    monkeypatch.setattr(process, "exchange", slow)
    assert process.refill() == []
    assert redis.exists(process.inflight) == 0


def test_what_celery_s_thread_fetched_while_a_thread_found_it_fetching_leaves_nobody_asleep(process):
    """It wakes one when there is something that only came up meanwhile."""
    push(1)
    (held,) = process.fetch(["default"])
    end(process, held)
    process.pass_on()
    assert process.handoff.wakes.qsize() == 1


def test_a_thread_leaves_a_fetch_that_was_lost_to_celery_s_thread(redis, process):
    push(1)
    process.dry, told = False, threading.Event()

    def lose(names, arguments):
        fetch(names, arguments)
        raise redis_py.ConnectionError("the line was cut")

    fetch, process.scripts.fetch = process.scripts.fetch, lose
    waiting = threading.Thread(target=lambda: process.wait(process.has_news, 30) and told.set())
    waiting.start()
    until(lambda: process.awaited, "a thread that waits for news")
    assert process.refill() == []
    assert told.wait(20)
    waiting.join()
    assert process.refill() == [], "nobody fetches before it is known what there is"
    assert redis.hlen(process.inflight) == 1
    process.scripts.fetch = fetch
    assert len(process.fetch(["default"])) == 1, "what was given out is put back, and fetched again"


def test_one_that_was_taken_for_dead_looks_for_jobs_under_its_new_name(redis, process):
    push(3)
    jobs = process.fetch(["default"])
    redis.delete(keys.PROCESSES, process.inflight)
    for held in jobs:
        end(process, held)
    assert process.refill() == []
    with pytest.raises(redis_py.RedisError, match="UNREGISTERED"):
        process.fetch(["default"])
    process.rename()
    Heartbeat(process).beat(join=True)
    assert process.has_news()
    assert len(process.fetch(["default"])) == 1


def test_one_that_is_quiet_keeps_somebody_looking_for_the_end_of_that(process):
    push(3)
    jobs = process.fetch(["default"])
    process.quiet = True
    for held in jobs:
        end(process, held)
    assert process.refill() == []
    assert process.has_news()
    assert process.fetch(["default"]) == []
    assert process.has_news()
    process.quiet = False
    assert len(process.fetch(["default"])) == 1


def test_an_error_that_nobody_thought_of_is_celery_s_thread_s_to_meet(process, monkeypatch):
    """Nobody would hear of it in a thread of the jobs, which would meet it for ever."""
    push(1)
    process.dry, process.queues = False, {"default": "many"}
    assert process.refill() == []
    assert process.has_news()
    assert process.refill() == []


def test_threads_that_fetch_and_sleep_miss_nothing(redis, monkeypatch):
    """There is no pause here after which somebody would look again: a wake-up that got lost would be seen for ever."""
    process = Process({"default": 1, "mailers": 1}, 5)
    Heartbeat(process).beat(join=True)
    monkeypatch.setattr(Transport, "process", process)
    monkeypatch.setattr(Transport, "doorbell", Doorbell(process, seconds=1000), raising=False)
    done, ended, interval = [], threading.Event(), sys.getswitchinterval()

    def work():
        while not ended.is_set():
            held = process.begin()
            time.sleep(random.choice((0, 0, 0, 0.0005, 0.005)))
            done.append(held.tag)
            end(process, held)

    def drain():
        while not ended.is_set():
            with suppress(TimeoutError):
                Transport.drain_events(Transport.__new__(Transport), None, timeout=1000)

    sys.setswitchinterval(1e-5)
    try:
        for target in (work,) * 5 + (drain,):
            threading.Thread(target=target, daemon=True).start()
        jobs = 0
        for _ in range(150):
            some = random.choice((1, 1, 2, 5, 6, 40))
            client.push_bulk("tests.worker.tasks.note", [["a"]] * some, queue=random.choice(("default", "mailers")))
            jobs += some
            if random.random() < 0.5:
                until(lambda jobs=jobs: len(done) == jobs and not redis.exists(process.inflight), "all to be done")
        until(lambda: len(done) == jobs and not redis.exists(process.inflight), "all to be done")
    finally:
        ended.set()
        sys.setswitchinterval(interval)
        process.stopping = True
        process.handoff.put([])
    assert redis.hget(keys.LEDGER, "done") == str(jobs).encode()
    assert len(set(done)) == jobs


def test_a_drain_does_not_wait_for_a_thread_that_was_given_up_and_has_ended_all_the_same(process):
    process.given_up = {7}
    assert process.drain(60) is True


def test_a_drain_does_not_wait_for_one_that_was_given_up_and_tells_that_it_is_there(process):
    process.taken, process.given_up = {7: None}, {7}
    assert process.drain(60) is False
