import json

import pytest

from worker import api, celery, keys, periodic


@pytest.fixture
def report(redis):
    """A recurring task, known for as long as the test runs."""

    @celery.app.task(name="tests.report", every=3600)
    def report():
        pass

    report.name  # noqa: B018 - tasks are made when they are looked at
    yield "tests.report"
    celery.app.tasks.pop("tests.report")


def find(name):
    return {each.name: each for each in api.periodic()}[name]


def test_a_recurring_job_that_no_worker_has_seen_has_no_time_yet(report):
    job = find(report)
    assert (job.rule, job.queue, job.due, job.last_at, job.paused) == ("every 3600 s", "default", None, None, False)
    assert job.declared


def test_it_shows_when_it_is_due_and_what_it_made_last(redis, report):
    entries = [entry for entry in periodic.entries() if entry.name == report]
    periodic.tick(redis, api.connection.scripts(), entries)
    assert find(report).due % 3600 == 0 and 0 < find(report).due - redis.time()[0] <= 3600
    redis.hset(keys.PERIODIC_NEXT, report, "1000.000000|every 3600 s")
    periodic.tick(redis, api.connection.scripts(), entries)
    job = find(report)
    assert api.find(job.last_id).task == report
    assert abs(job.last_at - redis.time()[0]) < 10


def test_a_pause_and_its_end(redis, report):
    api.pause_periodic(report)
    assert find(report).paused
    entries = [entry for entry in periodic.entries() if entry.name == report]
    redis.hset(keys.PERIODIC_NEXT, report, "1000.000000|every 3600 s")
    assert periodic.tick(redis, api.connection.scripts(), entries) == 0
    api.resume_periodic(report)
    assert not find(report).paused


def test_run_now_makes_a_job(redis, report):
    id = api.run_periodic(report)
    assert api.find(id).task == report
    assert find(report).last_id == id


def test_what_redis_knows_from_another_release_is_shown(redis, report):
    redis.hset(keys.PERIODIC_NEXT, "old.task", "5|0 3 * * *")
    redis.hset(keys.PERIODIC_LAST, "old.task", json.dumps({"id": "x", "at": 4}))
    job = find("old.task")
    assert (job.rule, job.queue, job.due, job.declared, job.last_at) == ("0 3 * * *", None, None, False, 4)


@pytest.mark.parametrize("order", [api.pause_periodic, api.resume_periodic, api.run_periodic])
def test_what_is_not_declared_cannot_be_told(redis, report, order):
    with pytest.raises(api.NotFound, match="no recurring job ghost: .*tests.report"):
        order("ghost")
    assert not redis.keys("*")
