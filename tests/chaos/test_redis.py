"""Jobs outlive whatever happens to Redis."""

import time
from itertools import product
from signal import SIGKILL, SIGSTOP, SIGTERM

import pytest
import redis

from tests.chaos.size import WORKERS, sized
from tests.servers import until

OUTAGES = sized(
    [("always", SIGKILL, 2), ("always", SIGSTOP, 7), ("everysec", SIGTERM, 2)],
    list(product(("always", "everysec"), (SIGKILL, SIGTERM, SIGSTOP), (5, 60))),
)
LONGEST = max(seconds for *_, seconds in OUTAGES)


@pytest.mark.parametrize(("flush", "number", "seconds"), OUTAGES)
def test_an_outage_of_redis_under_load_loses_nothing(case, flush, number, seconds):
    crew = case("--appendfsync", flush)
    producer = crew.produce()
    crew.start_several(WORKERS)
    crew.run_some_more()
    crew.server.go(number)
    died = time.monotonic()
    time.sleep(seconds)
    crew.server.come_back()
    back = time.monotonic()
    crew.run_some_more()
    paused = time.monotonic() - back
    crew.run_some_more(200)
    producer.end()
    crew.settle()
    held = max(entry.seconds for entry in crew.journal("accepted"))
    tally = crew.report(
        f"3. {number.name} of Redis for up to {LONGEST} s, `appendfsync {flush}`",
        "jobs ran again after {:.1f} s, an enqueue took {:.2f} s at most",
        paused,
        held,
    )
    assert not crew.journal("refused")
    if (flush, number) == ("everysec", SIGKILL):  # while it flushes its log, Redis answers up to 2 s before it writes
        assert crew.lost() <= set(crew.journal.numbers("accepted", since=died - 2))
    else:
        assert tally.lost == 0
        assert tally.twice <= WORKERS * 5


def test_scripts_that_redis_forgets_are_sent_again(case):
    crew = case()
    producer = crew.produce()
    crew.start_several(WORKERS)
    for _ in range(sized(20, 200)):
        crew.redis.script_flush()
        crew.run_some_more(10)
    producer.end()
    crew.settle()
    tally = crew.report(f"10. {sized(20, 200)} × SCRIPT FLUSH under load")
    assert not crew.journal("refused")
    assert tally.lost == tally.twice == 0


def test_redis_that_takes_no_writes_for_a_while_is_waited_for(case):
    """As the old primary after a failover does, and one whose replicas are gone."""
    crew = case()
    producer = crew.produce()
    crew.start_several(WORKERS)
    retries = crew.produce("--first", 1_000_000, "--task", "retry_later", "--seconds", 0.5, 2, "--pause", 0.02)
    for _ in range(sized(1, 5)):
        crew.run_some_more()
        crew.redis.replicaof("127.0.0.1", 1)
        time.sleep(2)
        crew.redis.replicaof("NO", "ONE")
        crew.run_some_more()
        crew.redis.config_set("min-replicas-to-write", 1)
        time.sleep(2)
        crew.redis.config_set("min-replicas-to-write", 0)
    crew.run_some_more()
    for each in (producer, retries):
        each.end()
    crew.settle()
    tally = crew.report(f"10. {2 * sized(1, 5)} × Redis takes no writes for 2 s (READONLY, NOREPLICAS)")
    assert tally.lost == 0
    assert tally.twice <= WORKERS * 5


def test_redis_that_loads_its_log_for_long_is_waited_for(case):
    crew = case()
    producer = crew.produce()
    crew.start_several(WORKERS)
    crew.run_some_more(sized(400, 2000))
    with crew.redis.pipeline(transaction=False) as log:
        for _ in range(8000):  # it answers only once in 1024 commands, and twice before it has told us
            log.set("filling", 1)
        log.execute()
    crew.server.stop(SIGTERM)
    crew.server.start("--key-load-delay", "500")  # microseconds for each command of the log
    began = time.monotonic()
    until(lambda: is_loading(crew), "an answer that Redis is loading")
    until(lambda: not is_loading(crew), "the end of loading", 120)
    took = time.monotonic() - began
    crew.run_some_more()
    producer.end()
    crew.settle()
    tally = crew.report("10. Redis loads its log under load", "for {:.1f} s", took)
    assert tally.lost == 0
    assert tally.twice <= WORKERS * 5


def is_loading(crew):
    try:
        with redis.Redis(port=crew.server.port, retry=None, socket_timeout=10) as client:
            client.ping()
    except redis.BusyLoadingError:
        return True
    return False


def test_a_full_redis_takes_no_new_jobs_and_runs_the_old_ones(case):
    crew = case()
    producer = crew.produce("--backlog", 2000)
    until(lambda: crew.redis.llen("default") > 1000, "a queue", 120)
    crew.redis.config_set("maxmemory", 1)
    before = len(crew.journal("accepted"))
    crew.start_several(WORKERS)
    until(lambda: not crew.redis.llen("default"), "the old jobs to run", 120)
    until(lambda: len(crew.journal("accepted")) > before + 20, "new jobs")
    assert crew.left()["outbox"] >= 20
    crew.redis.config_set("maxmemory", 0)
    producer.end()
    crew.settle()
    tally = crew.report("10. Redis is full (`maxmemory`, `noeviction`)", "new jobs waited in the database")
    assert not crew.journal("refused")
    assert tally.lost == tally.twice == 0
