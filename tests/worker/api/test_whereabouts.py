import pytest

from worker import api, job, keys, scheduled


def test_a_job_is_found_wherever_it_is(redis, push, worker, retry, bury):
    (failed,), (died,) = retry(), bury()
    ran, waits, later, elsewhere = push(1), push(2), push(3, seconds=60), push(4, queue="theirs")
    worker.fetch(1)
    worker.process.tally.add(job.Running("tasks.count", "done", "default"))
    worker.beat()
    states = {
        failed: "retrying", died: "dead", ran: "running", waits: "waiting", later: "scheduled", elsewhere: "waiting",
        "done": "done",
    }  # fmt: skip
    assert {id: api.find(id).state for id in states} == states
    assert api.find(elsewhere).queue == "theirs"


def test_a_place_finds_it_without_a_search(redis, push, retry):
    retry(), push(1), push(2)
    for found in (api.retries.page().jobs[0], *api.Queue("default").page().jobs):
        assert api.find(found.id, *found.place, most=0) == found


def test_a_job_that_has_moved_on_is_found_where_it_is_now(redis, retry):
    (id,) = retry()
    place = api.find(id).place
    redis.zadd(keys.RETRY, {api.find(id).entry: 0})
    scheduled.promote(api.connection.scripts())
    assert api.find(id, *place).state == "waiting"


@pytest.mark.parametrize("key", ["retry", "default", "nowhere", "string", keys.LEDGER, "inflight:x", "", None])
@pytest.mark.parametrize("at", [1, -1, 1.5, float("nan"), float("inf"), 10**30])
def test_a_place_that_somebody_made_up_does_no_harm(redis, worker, retry, key, at):
    (id,) = retry()
    redis.set("string", 1)
    assert api.find(id, key, at).state == "retrying"


def test_what_is_nowhere_is_said_to_be_so_with_where_was_looked(push, retry):
    retry(2), push(1)
    with pytest.raises(api.NotFound) as error:
        api.find("nobody")
    assert str(error.value) == (
        "no job nobody: looked at 0 of 0 that run, 0 of 0 in schedule, 2 of 2 in retry, 0 of 0 in dead, "
        "1 of 1 in default, and at those that were done last"
    )
