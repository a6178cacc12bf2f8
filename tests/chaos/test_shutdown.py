"""Workers that are told to end let their jobs finish, put back the rest, and nothing is run again."""

import os
import time
from signal import SIGINT, SIGQUIT, SIGTERM

from tests.chaos.size import sized
from tests.servers import until

KILLED_AFTER = 30  # seconds after SIGTERM, on Heroku


def test_sigterm_in_the_middle_of_jobs_runs_none_again(case):
    rounds, crew = sized(2, 20), case()
    producer = crew.produce("--seconds", 0, 0.3)
    worker = crew.start(10)
    for _ in range(rounds):
        successor = crew.start(10)
        crew.run_some_more()
        crew.end(worker)
        assert worker.returncode == 0, worker.log()[-5000:]
        worker = successor
    producer.end()
    crew.settle()
    tally = crew.report(f"6. {rounds} × SIGTERM of a worker under load")
    assert tally.lost == tally.twice == 0


def test_a_job_that_takes_longer_than_the_platform_waits_is_put_back(case):
    seconds, crew = sized(3, 40), case()
    crew.push_many("run", range(5), seconds)
    crew.push_many("run", range(5, 10), 1)
    worker = crew.start(10)
    until(lambda: len(crew.journal("start")) == 10, "the jobs to start")
    told = time.monotonic()
    crew.end(worker)
    took = time.monotonic() - told
    left = sum(crew.left().values())
    crew.start()
    crew.settle()
    tally = crew.report(f"6. SIGTERM during jobs of {seconds} s", "ended after {:.0f} s, {} jobs put back", took, left)
    assert took < KILLED_AFTER
    assert tally.lost == tally.twice == 0
    assert crew.inflight() == 0


def test_a_second_signal_loses_nothing(case):
    crew = case()
    producer = crew.produce("--seconds", 0, 0.3)
    pairs = [(SIGTERM, SIGTERM), (SIGINT, SIGINT), (SIGTERM, SIGQUIT)]
    for first, second in pairs * sized(1, 5):
        worker = crew.start(10)
        crew.run_some_more()
        worker.send_signal(first)
        crew.end(worker, second)
    producer.end()
    crew.start(10)
    crew.settle()
    tally = crew.report(f"6. {3 * sized(1, 5)} × two signals to a worker under load")
    assert tally.lost == 0
    assert tally.twice <= 3 * sized(1, 5) * 10


def test_sigterm_to_every_process_at_once(case):
    rounds, crew = sized(1, 10), case()
    for round in range(rounds):
        web = crew.produce("--seconds", 0, 0.3, "--first", round * 100_000, group=0)
        workers = crew.start_several(2, 10, group=web.pid)
        crew.run_some_more()
        os.killpg(web.pid, SIGTERM)
        for process in (web, *workers):
            assert process.wait(60) == 0, process.log()[-5000:]
        crew.workers.clear()
        assert crew.inflight() == 0
    crew.start(10)
    crew.settle()
    tally = crew.report(f"12. {rounds} × SIGTERM to a process group: one that enqueues, two workers")
    assert tally.lost == tally.twice == 0
