"""Every move of a job is one script: what each leaves behind, seen from outside."""

import json

import pytest

from worker import client, dead, keys, process, reaper, scheduled
from worker.connection import Scripts, connect


@pytest.fixture(autouse=True)
def no_outbox(monkeypatch):
    monkeypatch.setattr(client, "outbox", None)


@pytest.fixture
def redis():
    redis = connect()
    redis.flushdb()
    yield redis
    redis.config_set("maxmemory", 0)
    redis.flushdb()


@pytest.fixture
def scripts(redis):
    return Scripts(redis)


def beat(scripts, join=0, **told):
    told = {"facts": {"pid": 1}, "work": {}, "metrics": {}, "recent": []} | told
    names = [keys.PROCESSES, keys.process("p"), keys.work("p"), keys.signals("p"), keys.RECENT, keys.RELEASES]
    return scripts.beat(names, ["p", 60, join, json.dumps(told), 2])


@pytest.fixture
def fetch(redis, scripts):
    """Fetch as a process that is registered: `fetch(idle=2)` gives [(tag, message, attempts, deliveries)]."""
    beat(scripts, join=1)

    def fetch(idle=1, tag=1, finished=(), ids=(), queues=("default", "mailers")):
        names = [keys.inflight("p"), *process.BESIDE, keys.process("p"), *queues]
        found, _ = scripts.fetch(names, ["p", idle, tag, len(finished), 0, 0, *finished, *ids])
        return [tuple(found[i : i + 1] + found[i + 2 : i + 5]) for i in range(0, len(found), 5)]

    return fetch


def push(number, **options):
    return client.push("task", [number], **options)


def test_a_push_of_the_same_id_counts_once(redis):
    for _ in range(2):
        push(1, id="same")
    assert redis.llen("default") == 1
    assert 3500 < redis.ttl(keys.dedupe("same")) <= 3600


def test_a_push_for_later_waits_by_the_clock_of_redis(redis, scripts):
    push(1, seconds=60)
    push(2, seconds=-1, queue="mailers")
    assert redis.zcard(keys.SCHEDULE) == 2
    assert scheduled.promote(scripts) == 1
    assert (redis.llen("default"), redis.llen("mailers"), redis.zcard(keys.SCHEDULE)) == (0, 1, 1)


@pytest.mark.parametrize("together", [1, 3])
def test_a_push_of_several_takes_those_that_are_new(redis, scripts, together):
    """Each token is for one job, or for as many as the others are for."""
    tokens = [keys.dedupe(number) for number in range(3)]
    jobs = [f"{token}/{number}".encode() for token in tokens for number in range(together)]
    new = [job for job in jobs if not job.startswith(tokens[1].encode())]
    redis.set(tokens[1], 1)
    assert scripts.push(["default", *tokens], [60, *jobs]) == 2 * together
    assert redis.lrange("default", 0, -1)[::-1] == new

    redis.delete(tokens[0], tokens[2])
    later = [word for number, job in enumerate(jobs) for word in (job, "", number)]
    assert scripts.schedule([keys.SCHEDULE, *tokens], [60, *later]) == 2 * together
    assert redis.zrange(keys.SCHEDULE, 0, -1, withscores=True) == [(job, jobs.index(job)) for job in new]


@pytest.mark.parametrize(
    ("script", "place", "jobs"),
    [("push", "default", ["one", "two"]), ("schedule", keys.SCHEDULE, ["one", 60, "", "two", "", 1])],
)
def test_a_push_to_what_is_no_place_for_jobs_may_be_repeated(redis, scripts, script, place, jobs):
    redis.set(place, "text")
    with pytest.raises(client.redis.ResponseError, match="WRONGTYPE"):
        getattr(scripts, script)([place, keys.dedupe("a")], [60, *jobs])
    redis.delete(place)
    assert getattr(scripts, script)([place, keys.dedupe("a")], [60, *jobs]) == 2


def test_a_fetch_takes_the_oldest_and_no_more_than_asked(redis, fetch):
    ids = [push(number) for number in range(3)]
    taken = fetch(idle=2)
    assert [json.loads(message)["headers"]["id"] for _, message, *_ in taken] == ids[:2]
    assert redis.llen("default") == 1
    assert sorted(redis.hkeys(keys.inflight("p"))) == [b"1", b"2"]


def test_a_fetch_looks_into_the_queues_in_the_order_given(fetch):
    push(1)
    urgent = push(2, queue="mailers")
    ((_, message, *_),) = fetch(queues=("mailers", "default"))
    assert json.loads(message)["headers"]["id"] == urgent


def test_a_fetch_hands_in_what_is_finished(redis, fetch):
    id = push(1)
    redis.hset(keys.ATTEMPTS, id, "{}")
    fetch()
    assert fetch(finished=[1], ids=[id]) == []
    assert not redis.exists(keys.inflight("p"), keys.ATTEMPTS)


def test_a_process_that_is_not_registered_fetches_nothing(redis, scripts):
    push(1)
    with pytest.raises(Exception, match="UNREGISTERED ghost"):
        names = [keys.inflight("ghost"), *process.BESIDE, keys.process("ghost"), "default"]
        scripts.fetch(names, ["ghost", 1, 1, 0, 0, 0])
    assert redis.llen("default") == 1


def test_who_was_taken_for_dead_does_not_come_back_by_a_sign_of_life(redis, scripts):
    assert beat(scripts) is None
    assert redis.zcard(keys.PROCESSES) == 0


def test_a_failure_moves_the_job_with_what_is_known_of_it(redis, scripts, fetch):
    id = push(1)
    ((tag, message, *_),) = fetch()
    assert (
        scripts.fail(
            [keys.inflight("p"), keys.RETRY, keys.ATTEMPTS, keys.PROCESSED, keys.FAILED, keys.LEDGER],
            [tag, id, 15, '{"attempt": 1}'],
        )
        == 1
    )
    assert not redis.exists(keys.inflight("p"))
    ((job, due),) = redis.zrange(keys.RETRY, 0, -1, withscores=True)
    assert job == b"default\n" + message
    assert 10 < due - redis.time()[0] < 20

    redis.zadd(keys.RETRY, {job: 0})
    scheduled.promote(scripts)
    assert fetch(tag=2) == [(2, message, b'{"attempt": 1}', 0)]


def test_a_failure_of_what_was_taken_away_moves_nothing(redis, scripts):
    assert (
        scripts.fail(
            [keys.inflight("p"), keys.RETRY, keys.ATTEMPTS, keys.PROCESSED, keys.FAILED, keys.LEDGER],
            [1, "id", 15, "{}"],
        )
        == 0
    )
    assert not redis.exists(keys.RETRY, keys.ATTEMPTS)


def test_what_is_released_stands_first_in_its_queue_again(redis, scripts, fetch):
    ids = [push(number) for number in range(4)]
    fetch(idle=2)
    assert scripts.release([keys.inflight("p"), keys.LEDGER], [1, 2]) == 2
    order = [json.loads(message)["headers"]["id"] for message in reversed(redis.lrange("default", 0, -1))]
    assert order == ids


def rescue(scripts, name="p"):
    names = [keys.inflight(name), keys.PROCESSES, keys.DELIVERIES, keys.DEAD, keys.ATTEMPTS, keys.LEDGER]
    return scripts.rescue(names, [name, reaper.SILENCE, reaper.POISON, "{}"])


def test_only_the_silent_are_rescued(redis, scripts, fetch):
    push(1)
    fetch()
    assert rescue(scripts) == [0, []]
    redis.zadd(keys.PROCESSES, {"p": redis.time()[0] - reaper.SILENCE - 1})
    assert rescue(scripts) == [1, []]
    assert (redis.llen("default"), redis.zcard(keys.PROCESSES)) == (1, 0)


def test_the_third_rescue_of_a_job_is_its_last(redis, scripts):
    id = push(1)
    for tag in range(3):
        message = redis.rpop("default")
        redis.hset(keys.inflight("gone"), tag, b"default\n" + message)
        outcome = rescue(scripts, "gone")
    assert outcome == [0, [b"default\n" + message]]
    assert redis.zcard(keys.DEAD) == 1
    assert redis.hexists(keys.ATTEMPTS, id)
    assert not redis.exists("default", keys.DELIVERIES)


def test_the_oldest_of_too_many_dead_are_forgotten(redis, scripts, monkeypatch):
    monkeypatch.setattr(dead, "KEPT", 2)
    now = redis.time()[0]
    for number, age in enumerate([dead.KEPT_SECONDS + 1, 30, 20, 10]):
        id, message = client.message("task", [number])
        redis.zadd(keys.DEAD, {b"default\n" + message: now - age})
        redis.hset(keys.ATTEMPTS, id, "{}")
    dead.trim(scripts)
    assert [now - due for _, due in redis.zrange(keys.DEAD, 0, -1, withscores=True)] == [20, 10]
    assert redis.hlen(keys.ATTEMPTS) == 2


def test_a_full_redis_refuses_new_jobs_and_lets_the_old_ones_go_their_way(redis, scripts, fetch):
    ids = [push(number) for number in range(2)]
    redis.config_set("maxmemory", 1)
    with pytest.raises(Exception, match="OOM|maxmemory"):
        push(3)
    beat(scripts)
    ((tag, *_), _) = fetch(idle=2)
    assert (
        scripts.fail(
            [keys.inflight("p"), keys.DEAD, keys.ATTEMPTS, keys.PROCESSED, keys.FAILED, keys.LEDGER],
            [tag, ids[0], 0, "{}"],
        )
        == 1
    )
    names = [keys.inflight("p"), keys.SCHEDULE, keys.ATTEMPTS, keys.LEDGER]
    assert scripts.postpone(names, [tag + 1, ids[1], redis.time()[0] + 60, "{}"]) == 1
    assert (redis.zcard(keys.DEAD), redis.zcard(keys.SCHEDULE)) == (1, 1)
    tag = tag + 2
    redis.config_set("maxmemory", 0)
    push(4)
    redis.config_set("maxmemory", 1)
    fetch(tag=tag)
    assert scripts.release([keys.inflight("p"), keys.LEDGER], [tag]) == 1
    assert (redis.zcard(keys.DEAD), redis.llen("default")) == (1, 1)


class TestPostpone:
    NAMES = (keys.inflight("p"), keys.SCHEDULE, keys.ATTEMPTS, keys.LEDGER)

    def test_moves_a_job_whose_time_has_not_come_to_schedule_and_back_when_it_has(self, redis, scripts, fetch):
        id = push(1)
        ((tag, message, *_),) = fetch()
        due = redis.time()[0] + 60
        assert scripts.postpone(self.NAMES, [tag, id, due, '{"attempt": 0}']) == 1
        assert redis.zrange(keys.SCHEDULE, 0, -1, withscores=True) == [(b"default\n" + message, due)]
        assert redis.hgetall(keys.LEDGER) == {b"fetched": b"0"}
        redis.zadd(keys.SCHEDULE, {b"default\n" + message: 0})
        scheduled.promote(scripts)
        assert [found[1:3] for found in fetch(tag=2)] == [(message, b'{"attempt": 0}')]
        fetch(idle=0, finished=[2], ids=[id])
        assert redis.hgetall(keys.LEDGER) == {b"fetched": b"1", b"done": b"1"}
        assert not redis.exists(keys.ATTEMPTS)

    def test_leaves_a_job_whose_time_has_come(self, redis, scripts, fetch):
        id = push(1)
        ((tag, *_),) = fetch()
        assert scripts.postpone(self.NAMES, [tag, id, redis.time()[0], "{}"]) == 0
        assert redis.hlen(keys.inflight("p")) == 1
        assert not redis.exists(keys.SCHEDULE, keys.ATTEMPTS)

    def test_of_a_job_that_is_not_there_any_more_does_nothing(self, redis, scripts):
        for due in (0, redis.time()[0] + 60):
            assert scripts.postpone(self.NAMES, [7, "id", due, "{}"]) == 1
        assert redis.dbsize() == 0

    def test_counts_a_message_that_was_sent_twice_as_two(self, redis, scripts, fetch):
        id = push(1)
        redis.lpush("default", redis.lindex("default", 0))
        for tag, *_ in fetch(idle=2):
            scripts.postpone(self.NAMES, [tag, id, redis.time()[0] + 60, "{}"])
        assert redis.zcard(keys.SCHEDULE) == 1
        assert redis.hgetall(keys.LEDGER) == {b"fetched": b"1", b"deleted": b"1"}


class TestAdopt:
    def test_brings_jobs_with_a_priority_to_their_queue_in_their_order(self, redis, scripts):
        lists = keys.priorities("mailers")
        redis.lpush("mailers", "first")
        for number, name in enumerate(lists):
            redis.lpush(name, *(f"{number} {letter}" for letter in "ab"))
        redis.lpush(keys.priorities("theirs")[0], "left alone")
        assert scheduled.adopt(scripts, {"default": 1, "mailers": 1}) == 18
        found = [job.decode() for job in reversed(redis.lrange("mailers", 0, -1))]
        assert found == ["first", *(f"{number} {letter}" for number in range(9) for letter in "ab")]
        assert redis.keys("*\x06*") == [keys.priorities("theirs")[0].encode()]

    def test_takes_a_batch_at_a_time(self, redis, scripts, monkeypatch):
        monkeypatch.setattr(scheduled, "BATCH", 2)
        redis.lpush(keys.priorities("default")[8], *"abc")
        assert [scheduled.adopt(scripts, ["default"]) for _ in range(3)] == [2, 1, 0]
        assert redis.lrange("default", 0, -1) == [b"c", b"b", b"a"]
