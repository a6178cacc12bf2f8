"""Jobs outlive whatever happens to the worker that runs them."""

import json
import random
import signal

from tests.chaos.census import number_in
from tests.chaos.report import Tally
from tests.chaos.size import sized
from tests.servers import until
from worker import keys

THREADS = 10


def test_kill_9_of_workers_under_load_loses_nothing(case):
    kills, crew = sized(4, 50), case()
    kill_under_load(crew, kills).end()
    crew.settle()
    tally = crew.report(f"1. {kills} × `kill -9` of a worker under load")
    assert tally.lost == 0
    assert tally.twice <= kills * THREADS  # no more than were running when their worker was killed


def test_stock_celery_loses_jobs_when_it_is_killed(case):
    """The control: if nothing were lost here, the case above would prove nothing. It is chance, so it does not fail."""
    kills, crew = sized(4, 50), case()
    kill_under_load(crew, kills, WORKER_ENGINE="celery").end()
    crew.kill_all()
    waiting = {number_in(message) for message in crew.redis.lrange("default", 0, -1)}
    waiting |= {number_in(json.dumps(json.loads(taken)[0])) for taken in crew.redis.hvals("unacked")}
    accepted, ran, lost = set(crew.journal.numbers("accepted")), crew.ran(), crew.lost() - waiting
    tally = Tally(len(accepted), len(set(ran)), len(lost), len(ran) - len(set(ran)))
    figure = "" if lost else "it lost none this time, which proves nothing"
    crew.report(f"1. the same with stock Celery, {kills} ×", figure, tally=tally)
    assert len(ran) > kills * 20


def kill_under_load(crew, kills, **environment):
    """Kill a worker, then the one that took its place, and so on, while jobs arrive; returns who enqueues them."""
    producer = crew.produce(**environment)
    worker = crew.start(THREADS, **environment)
    for _ in range(kills):
        successor = crew.start(THREADS, **environment)
        crew.run_some_more(random.randint(20, 120))
        crew.end(worker, signal.SIGKILL)
        worker = successor
    return producer


def test_a_failed_job_is_tried_again_and_then_done(crew):
    crew.push("fail_first", 1)
    crew.start()
    until(lambda: crew.redis.zcard(keys.RETRY) == 1, "the retry")
    until(lambda: not crew.inflight(), "an empty inflight")
    ((job, _),) = crew.redis.zrange(keys.RETRY, 0, -1, withscores=True)
    crew.redis.zadd(keys.RETRY, {job: 0})
    until(lambda: crew.ran() == [1], "the second attempt")
    until(lambda: not crew.inflight() and not crew.redis.exists(keys.ATTEMPTS), "nothing left over")


def test_what_fails_for_good_what_is_unknown_and_what_cannot_be_read_is_dead(crew):
    crew.push("fail", 1)
    crew.push("nobody_has_this", 1)
    crew.redis.lpush("default", "no message at all")
    crew.start()
    until(lambda: crew.redis.zcard(keys.DEAD) == 3, "three dead jobs")
    until(lambda: not crew.inflight(), "an empty inflight")
    assert crew.redis.hlen(keys.ATTEMPTS) == 3


def test_a_job_that_raises_systemexit_ends_no_thread(crew):
    for number in range(3):
        crew.push("leave", number)
    crew.push("run", 1)
    crew.start(concurrency=1)
    until(lambda: crew.ran() == [1], "the job behind them")
    assert crew.redis.zcard(keys.DEAD) == 3
    until(lambda: not crew.inflight(), "an empty inflight")
