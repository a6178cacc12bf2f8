"""Jobs for later run once and in time, whatever is killed in the meantime."""

import signal
import time

from tests.chaos.size import SLACK, WORKERS, sized
from tests.servers import until


def test_countdowns_and_retries_outlive_all_workers_and_redis(case):
    """Some come due while everything is down, and some later."""
    jobs, span, crew = sized(200, 1000) // 2, sized((10, 18), (10, 40)), case()
    crew.start_several(WORKERS, 25)
    later = crew.produce("--count", jobs, "--countdown", *span)
    retries = crew.produce("--first", jobs, "--count", jobs, "--task", "retry_later", "--seconds", *span)
    for producer in (later, retries):
        assert producer.wait(60) == 0, producer.log()
    until(lambda: len(crew.journal("due")) == 2 * jobs and not crew.inflight(), "every job to be for later")
    assert sum(crew.left().values()) > jobs  # most of them are still to come
    crew.kill_all()
    crew.server.stop(signal.SIGKILL)
    time.sleep(sized(1, 5))
    crew.server.start()
    crew.start_several(WORKERS, 25)
    up = time.monotonic()
    crew.settle()
    late = max(crew.journal.lateness(up))
    tally = crew.report(
        f"5. {2 * jobs} countdowns and retries, all workers and Redis killed", "{:.2f} s late at most", late
    )
    assert min(crew.journal.lateness()) >= 0
    assert (tally.enqueued, tally.lost, tally.twice) == (2 * jobs, 0, 0)
    assert late <= 1 * SLACK
