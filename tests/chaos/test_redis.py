"""Jobs outlive whatever happens to Redis, and to the connection with it."""

import collections
import signal
import time

from tests.servers import until
from worker import keys


def test_no_job_is_lost_when_redis_is_killed_under_load(crew):
    jobs = 400
    for number in range(jobs):
        crew.push("run", number, 0.01)
    crew.start()
    for kill in range(1, 4):
        until(lambda enough=kill * 40: len(crew.ran()) >= enough, "some jobs")
        crew.server.stop(signal.SIGKILL)
        time.sleep(1)
        crew.server.start()
    until(lambda: len(set(crew.ran())) == jobs and not crew.inflight(), "every job", 90)


def test_scripts_that_redis_has_forgotten_are_sent_again(crew):
    crew.start()
    crew.redis.script_flush()
    crew.push("run", 1)
    until(lambda: crew.ran() == [1], "the job")
    until(lambda: not crew.inflight(), "its acknowledgement")


def test_a_worker_that_was_taken_for_dead_goes_on_under_another_name(crew):
    sleeper, other = crew.start(), crew.start()
    for number in range(20):
        crew.push("run", number, 2)
    until(lambda: crew.inflight() == 10, "busy workers")
    sleeper.send_signal(signal.SIGSTOP)
    until(lambda: "is dead: 5 jobs put back" in crew.log(), "the rescue", 60)
    sleeper.send_signal(signal.SIGCONT)
    until(lambda: "was taken for dead" in crew.log(), "the worker to notice")
    until(lambda: len(set(crew.ran())) == 20 and not crew.inflight(), "every job", 60)
    twice = {number: count for number, count in collections.Counter(crew.ran()).items() if count > 1}
    assert len(twice) <= 5
    assert crew.redis.zcard(keys.PROCESSES) == 2
    for number in range(20, 30):
        crew.push("run", number)
    crew.end(other)
    until(lambda: set(range(20, 30)) <= set(crew.ran()), "new jobs on the worker that was stopped")
