"""Jobs outlive a line to Redis that breaks in the middle of what is said."""

from hashlib import sha1

import pytest

from tests.chaos.proxy import LATE, Proxy
from tests.chaos.size import WORKERS, sized
from tests.servers import until
from worker.connection import source

CUTS, STALLS = sized(12, 100), sized(2, 10)
# What is cut: in which script, each how many-th time, and whether it comes from workers or from who enqueues:
# in transactions, a committer does not wait for the answer.
LINES = {
    "a fetch, which acknowledges as well": ("fetch", 9, "workers"),
    "a push": ("push", 9, "producer"),
    "what Redis is told after a commit": ("push", 9, "committer"),
    "the move to `retry`": ("fail", 9, "workers"),
    "the way out of `schedule` and `retry`": ("promote", 3, "workers"),
    "any script": (None, 15, "both"),
}


SHORT = ["a fetch, which acknowledges as well", "a push", "what Redis is told after a commit", "any script"]


@pytest.mark.parametrize("line", sized(SHORT, LINES))
def test_a_line_that_is_cut_within_a_script_loses_nothing(case, line):
    script, every, whose = LINES[line]
    crew = case()
    proxy = Proxy(crew.server.port)
    proxied = {"REDIS_URL": proxy.url}
    theirs, ours = (proxied if whose in ("workers", "both") else {}), ({} if whose == "workers" else proxied)
    crew.start_several(WORKERS, 10, **theirs)
    how = ["--atomic"] if whose == "committer" else []
    runs = crew.produce(*how, **ours)
    later = ["--first", 1_000_000, "--task", "retry_later", "--seconds", 0.5, 2, "--pause", 0.02]
    retries = crew.produce(*how, *later, **ours)
    proxy.cut(call_of(script), CUTS, every)
    until(lambda: proxy.cuts == CUTS, f"{CUTS} cuts", 120)
    for producer in (runs, retries):
        producer.end()
    crew.settle()
    proxy.stop()
    tally = crew.report(f"14. {CUTS} × the line is cut within {line}")
    assert not crew.journal("refused")
    assert tally.lost == tally.twice == 0


def test_a_fetch_that_arrives_when_its_worker_has_given_up_takes_no_job_along(case):
    crew = case()
    proxy = Proxy(crew.server.port)
    crew.start(10, REDIS_URL=proxy.url)
    producer = crew.produce("--seconds", 0.05, 0.1)
    crew.run_some_more()
    proxy.cut(call_of("fetch"), STALLS, 20, [LATE])
    until(lambda: proxy.arrived == STALLS, f"{STALLS} late requests", 30 * STALLS)
    producer.end()
    crew.settle()
    proxy.stop()
    tally = crew.report(f"14. {STALLS} × a fetch stalls, and arrives when its worker has given up")
    assert tally.lost == tally.twice == 0


def call_of(script):
    """What a request that runs a script has in it."""
    return sha1(source(script).encode()).hexdigest().encode() if script else b"EVALSHA"
