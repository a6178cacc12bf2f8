"""Clocks may be wrong, of workers and of those who enqueue: only that of Redis counts."""

import signal
import time

from tests.chaos.size import SLACK, sized
from tests.servers import until

SKEW = 600  # seconds


def test_workers_whose_clocks_differ_by_ten_minutes_do_as_others_do(case):
    jobs, span, crew = sized(50, 500), sized((2, 8), (5, 40)), case()
    fast, slow = (crew.launch(10, skew=skew) for skew in (SKEW, -SKEW))
    until(lambda: fast.ready() and slow.ready(), "both workers")
    load = crew.produce("--pause", 0.02)
    later = crew.produce("--first", 1_000_000, "--count", jobs, "--countdown", *span, skew=SKEW)
    retried = crew.produce("--first", 2_000_000, "--count", jobs, "--task", "retry_later", "--seconds", *span)
    for producer in (later, retried):
        assert producer.wait(90) == 0, producer.log()
    load.end()
    crew.settle()
    lateness = crew.journal.lateness()
    assert "dead:" not in fast.log() + slow.log()  # without the colon it can be a part of an id

    crew.push_many("run", range(3_000_000, 3_000_020), 5)
    until(lambda: crew.inflight() == 20, "busy workers")
    crew.end(fast, signal.SIGKILL)
    died = time.monotonic()
    until(lambda: "jobs put back" in slow.log(), "the rescue", 20 * SLACK)
    seconds = time.monotonic() - died
    crew.settle()
    tally = crew.report(
        "13. clocks 10 min fast and slow, of two workers and of who enqueues",
        "{:.2f} s late at most; jobs of one that was killed put back after {:.1f} s",
        max(lateness),
        seconds,
    )
    assert min(lateness) >= 0
    assert max(lateness) <= 1 * SLACK
    assert tally.lost == tally.twice == 0
