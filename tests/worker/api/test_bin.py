import pytest

from worker import api, keys


def picked(jobs):
    return [(job.id, job.place.at) for job in jobs]


def state(redis):
    """All that Redis holds of jobs."""
    sets = [redis.zrange(key, 0, -1, withscores=True) for key in (keys.SCHEDULE, keys.RETRY, keys.DEAD)]
    hashes = [redis.hgetall(key) for key in (keys.ATTEMPTS, keys.DELIVERIES)]
    return redis.lrange("default", 0, -1), sets, hashes, api.ledger()


def test_what_was_deleted_from_a_queue_comes_back_in_its_order(redis, push, worker):
    pushed = [push(number) for number in range(6)]
    jobs = api.Queue("default").page().jobs
    cleared = api.delete(api.Queue("default"), picked(jobs[:3]), by="carol")
    assert (cleared.size, api.Queue("default").size(), api.ledger().deleted) == (3, 3, 3)
    (entry,) = api.deleted()
    assert (entry.token, entry.key, entry.size, entry.whole, entry.by) == (cleared.token, "default", 3, False, "carol")
    assert api.undo(cleared.token) == 3
    assert [job.id for job in api.Queue("default").page().jobs] == pushed
    assert (api.ledger().deleted, api.ledger().stranded, api.ledger().accepted) == (0, 0, 6)
    assert api.deleted() == [] and api.undo(cleared.token) == 0


@pytest.mark.parametrize("name", ["scheduled", "retries", "dead"])
@pytest.mark.parametrize("everything", [False, True])
def test_what_was_deleted_from_a_set_is_as_if_nothing_had_happened(redis, push, retry, bury, name, everything):
    [push(number, seconds=60 + number) for number in range(3)], retry(3), bury(3)
    jobs = getattr(api, name)
    for job in jobs.page().jobs:
        redis.hset(keys.DELIVERIES, job.id, 2)
    before = state(redis)
    cleared = api.delete_all(jobs) if everything else api.delete(jobs, picked(jobs.page().jobs))
    assert (cleared.size, jobs.size(), api.ledger().stranded) == (3, 0, 0)
    assert state(redis) != before
    assert api.undo(cleared.token) == 3
    assert state(redis) == before


def test_a_queue_that_was_cleared_comes_back(redis, push):
    pushed = [push(number) for number in range(4)]
    cleared = api.clear("default", by="carol")
    later = push(5)
    assert [(each.whole, each.size) for each in api.deleted()] == [(True, 4)]
    assert 86_000 < redis.ttl(keys.undo("default", cleared.token)) <= 86_400
    assert api.undo(cleared.token) == 4
    assert [job.id for job in api.Queue("default").page().jobs] == [*pushed, later]


def test_nothing_that_was_deleted_is_nothing_to_put_back(redis, push):
    assert api.clear("default").size == 0
    assert api.delete(api.dead, [("unknown", 1)]).size == 0
    assert api.deleted() == [] and api.undo("unknown") == 0


def test_after_a_day_it_is_too_late(redis, retry):
    retry(2)
    cleared = api.delete_all(api.retries)
    assert 86_000 < redis.ttl(keys.undo(keys.RETRY, cleared.token)) <= 86_400
    entry = redis.hget(keys.DELETED, cleared.token).decode()
    at = api.deleted()[0].at
    redis.hset(keys.DELETED, cleared.token, entry.replace(str(at), str(at - 86_401)))
    assert api.deleted() == [] and redis.hlen(keys.DELETED) == 0


def test_a_job_that_is_there_again_is_not_there_twice(redis, bury):
    bury(1)
    (entry,) = redis.zrange(keys.DEAD, 0, -1)
    cleared = api.delete_all(api.dead)
    redis.zadd(keys.DEAD, {entry: 5})
    redis.hincrby(keys.LEDGER, "fetched", 1)
    assert api.undo(cleared.token) == 1
    assert redis.zrange(keys.DEAD, 0, -1, withscores=True) == [(entry, 5)]
    assert (api.ledger().stranded, api.ledger().deleted) == (0, 1)
