"""Who gives no sign of life is dead, and who was only asleep finds out."""

import signal
import time

from tests.chaos.size import SLACK, sized
from tests.servers import until
from worker import keys


def test_jobs_of_a_dead_worker_start_elsewhere_and_those_of_the_living_go_on(case):
    long, crew = sized(25, 60), case()
    crew.start_several(2, 4)
    crew.push_many("run", range(8), long)
    until(lambda: len(crew.journal("start")) == 8, "two busy workers")
    victim = crew.start(4)
    crew.push_many("run", range(8, 12), 6)
    until(lambda: len(crew.journal("start")) == 12, "a third one")
    crew.end(victim, signal.SIGKILL)
    died = time.monotonic()
    crew.start(4)
    until(lambda: len(crew.journal("start")) >= 16, "its jobs to start elsewhere", 20 * SLACK)
    seconds = max(entry.time for entry in crew.journal("start")) - died
    crew.settle()
    tally = crew.report("2. a dead worker's jobs, beside long ones", "started elsewhere after {:.1f} s", seconds)
    assert sorted(crew.journal.numbers("start")) == sorted([*range(12), *range(8, 12)])
    assert tally.lost == tally.twice == 0
    assert seconds <= 20 * SLACK


def test_a_worker_that_was_only_stopped_goes_on_under_another_name(case):
    crew = case()
    sleeper, other = crew.start_several(2)
    crew.push_many("run", range(20), 2)
    until(lambda: crew.inflight() == 10, "busy workers")
    sleeper.send_signal(signal.SIGSTOP)
    until(lambda: "is dead: 5 jobs put back" in other.log(), "the rescue", 20 * SLACK)
    sleeper.send_signal(signal.SIGCONT)
    until(lambda: "was taken for dead" in sleeper.log(), "the worker to notice")
    crew.settle()
    tally = crew.report(
        "4. SIGSTOP of a worker until it is taken for dead, then SIGCONT", "{} jobs were running in it", 5
    )
    assert tally.lost == 0
    assert tally.twice <= 5
    assert crew.redis.zcard(keys.PROCESSES) == 2
    crew.end(other)
    crew.push_many("run", range(20, 30))
    until(lambda: set(range(20, 30)) <= set(crew.ran()), "new jobs on the worker that was stopped")


def test_a_job_that_kills_its_process_three_times_is_dead(case):
    crew = case()
    crew.start_several(4)
    crew.push("kill", 1)
    until(lambda: crew.redis.zcard(keys.DEAD) == 1, "the dead job", 3 * 20 * SLACK)
    crew.push("run", 2)
    crew.settle()
    deaths = len(crew.journal("start")) - 1
    tally = crew.report("11. a job that kills its process", "dead after {} deliveries", deaths)
    assert deaths == 3
    assert (tally.run, tally.lost, tally.twice) == (1, 0, 0)
