"""Jobs outlive whatever happens to the worker that runs them."""

import collections
import signal

from tests.servers import until
from worker import keys


def test_no_job_is_lost_when_workers_are_killed_under_load(crew):
    jobs = 600
    for number in range(jobs):
        crew.push("run", number, 0.01)
    for kill in range(1, 5):
        worker = crew.start()
        until(lambda enough=kill * 50: len(crew.ran()) >= enough, "some jobs")
        crew.end(worker, signal.SIGKILL)
    crew.start()
    until(lambda: len(set(crew.ran())) == jobs and not crew.inflight(), "every job", 90)

    twice = sum(count - 1 for count in collections.Counter(crew.ran()).values())
    assert twice <= 4 * 5  # no more than were running when their worker was killed


def test_a_stopped_worker_finishes_what_runs_and_leaves_the_rest(crew):
    for number in range(50):
        crew.push("run", number, 0.3)
    worker = crew.start()
    until(lambda: crew.ran(), "the first job")
    crew.end(worker)
    assert worker.returncode == 0
    assert crew.inflight() == 0
    assert len(crew.ran()) + crew.redis.llen("default") == 50
    crew.start()
    until(lambda: len(crew.ran()) == 50, "the rest")
    assert sorted(crew.ran()) == list(range(50))


def test_a_failed_job_is_tried_again_and_then_done(crew):
    crew.push("fail_first", 1)
    crew.start()
    until(lambda: crew.redis.zcard(keys.RETRY) == 1, "the retry")
    assert crew.inflight() == 0
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


def test_a_job_that_kills_its_process_three_times_is_poison(crew):
    crew.push("kill", 1)
    for _ in range(3):
        worker = crew.start()
        worker.wait(60)
        crew.workers.remove(worker)
    crew.start()
    until(lambda: crew.redis.zcard(keys.DEAD) == 1, "the dead job", 60)
    assert len(crew.ran()) == 3


def test_a_job_that_raises_systemexit_ends_no_thread(crew):
    for number in range(3):
        crew.push("leave", number)
    crew.push("run", 1)
    crew.start(concurrency=1)
    until(lambda: crew.ran() == [1], "the job behind them")
    assert crew.redis.zcard(keys.DEAD) == 3
    until(lambda: not crew.inflight(), "an empty inflight")
