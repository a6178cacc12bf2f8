import json

import pytest

from worker import api, client, dead, keys, scheduled
from worker.api import jobset


def ids(jobs):
    return [job.id for job in jobs]


def picked(jobs):
    return [(job.id, job.place.at) for job in jobs]


def waiting():
    return ids(api.Queue("default").page(1, 10_000).jobs)


def test_nothing_is_there_yet(redis):
    for each in (api.scheduled, api.retries, api.dead):
        assert each.page() == ([], 1, 1, 0)
        assert each.search("x") == ([], 0, 0)
        assert each.run_now([("x", 1.5)]) == each.run_all_now() == each.delete_all() == 0


def test_what_is_due_first_comes_first_and_the_dead_come_newest_first(push, retry, bury):
    late, soon = push(1, seconds=60), push(2, seconds=30)
    assert ids(api.scheduled.page().jobs) == [soon, late]
    failed = retry(3)
    assert ids(api.retries.page().jobs) == failed
    died = bury(3)
    assert ids(api.dead.page().jobs) == died[::-1]
    assert [job.state for job in (*api.scheduled.page().jobs[:1], *api.retries.page().jobs[:1])] == [
        "scheduled",
        "retrying",
    ]


def test_pages_go_on_where_the_last_one_ended(retry):
    failed = retry(7)
    pages = [api.retries.page(number, 3) for number in (1, 2, 3, 4)]
    assert [ids(page.jobs) for page in pages] == [failed[:3], failed[3:6], failed[6:], failed[6:]]
    assert pages[1][1:] == (2, 3, 7)


def test_a_job_is_found_by_its_score(retry):
    failed = retry(3)
    score = api.retries.page().jobs[1].place.at
    assert api.retries.find(failed[1], score, most=0).id == failed[1]
    with pytest.raises(api.NotFound, match="no job .*: looked at 0 of 3 in retry"):
        api.retries.find(failed[0], score, most=0)
    assert api.retries.find(failed[0], score).id == failed[0]


def test_a_score_survives_being_written_as_text(retry):
    (id,) = retry()
    score = api.retries.page().jobs[0].place.at
    assert api.retries.find(id, float(str(score)), most=0).id == id


def test_of_many_that_are_due_in_one_moment_the_right_one_is_found(redis):
    made = [client.message("tasks.count", [number]) for number in range(1200)]
    redis.zadd(keys.SCHEDULE, {b"default\n" + message: 5e9 for _, message in made})
    for id in (made[0][0], made[777][0], made[1199][0]):
        assert api.scheduled.find(id, 5e9, most=0).id == id
    assert api.scheduled.delete([(id, 5e9) for id, _ in made[:1100]]) == 1100
    assert api.scheduled.size() == 100


def test_a_search_looks_into_errors_and_says_how_far(redis, retry):
    (other,) = retry(error="smtplib.SMTPException", message="450 Try Later")
    failed = retry(1200)
    assert ids(api.retries.search("450 try").jobs) == [other]
    assert ids(api.retries.search("smtplib").jobs) == [other]
    assert ids(api.retries.search("tasks.count").jobs) == ids(api.retries.page(1, 2000).jobs)
    assert ids(api.retries.search(failed[3]).jobs) == [failed[3]]
    found = api.retries.search("nothing of this", most=600)
    assert found.jobs == [] and 600 <= found.scanned < 1201 == found.total and found.cut
    assert not api.retries.search("nothing of this").cut


def test_running_a_dead_job_spends_no_attempt(redis, bury, worker):
    (id,) = bury(attempt=26)
    assert api.dead.run_now(picked(api.dead.page().jobs)) == 1
    (held,) = worker.fetch()
    known = json.loads(held.attempts)
    assert (known["attempt"], known["error"], known["message"]) == (25, "ValueError", "no")
    worker.fail(held, keys.DEAD, attempt=known["attempt"] + 1)
    assert api.dead.find(id).attempt == 26


def test_the_number_of_attempts_is_never_less_than_none(redis, retry):
    (id,) = retry(attempt=0)
    api.retries.run_all_now()
    assert json.loads(redis.hget(keys.ATTEMPTS, id))["attempt"] == 0


def test_what_is_known_of_a_failure_is_kept_word_for_word(redis, retry):
    (id,) = retry(error="Error", message='"attempt": 7 \\ ü \ud83d\ude00 %d', attempt=11)
    before = json.loads(redis.hget(keys.ATTEMPTS, id))
    api.retries.run_all_now()
    assert json.loads(redis.hget(keys.ATTEMPTS, id)) == before | {"attempt": 10}


def test_jobs_that_run_now_stand_last_in_their_own_queues(redis, push, retry):
    failed = retry(2)
    first, elsewhere = push(1), push(2, queue="mailers", seconds=60)
    assert api.retries.run_now(picked(api.retries.page().jobs)) == 2
    assert api.scheduled.run_now(picked(api.scheduled.page().jobs)) == 1
    assert waiting() == [first, *failed]
    assert ids(api.Queue("mailers").page().jobs) == [elsewhere]


def test_what_has_moved_on_meanwhile_is_left_alone(redis, retry):
    retry(2)
    jobs = api.retries.page().jobs
    redis.zadd(keys.RETRY, {jobs[0].entry: 0})
    scheduled.promote(api.connection.scripts())
    assert api.retries.run_now(picked(jobs)) == 1
    assert api.retries.delete(picked(jobs)) == api.retries.kill(picked(jobs)) == 0
    assert len(waiting()) == 2


def test_a_killed_job_is_dead_with_its_last_error(redis, push, retry):
    (failed,), fresh = retry(), push(1, seconds=60)
    assert api.retries.kill_all() == api.scheduled.kill_all() == 1
    assert (api.dead.find(failed).error, api.dead.find(failed).attempt) == ("ValueError", 1)
    assert (api.dead.find(fresh).error, api.dead.find(fresh).attempt) == ("Killed", 0)
    assert (api.ledger().dead, api.ledger().stranded) == (2, 0)


def test_a_message_that_is_dead_already_is_not_lost_from_the_books_when_it_is_killed_again(redis, retry):
    retry()
    entry = api.retries.page().jobs[0].entry
    redis.zadd(keys.DEAD, {entry: 1})
    redis.hincrby(keys.LEDGER, "fetched", 1)
    assert api.retries.kill_all() == 1
    assert (api.ledger().dead, api.ledger().deleted, api.ledger().stranded) == (1, 1, 0)


def test_a_deleted_job_leaves_nothing_behind(redis, push, retry, bury):
    retry(), bury(), push(1, seconds=60)
    for id in redis.hkeys(keys.ATTEMPTS):
        redis.hset(keys.DELIVERIES, id, 1)
    assert [each.delete_all() for each in (api.scheduled, api.retries, api.dead)] == [1, 1, 1]
    assert not redis.exists(keys.SCHEDULE, keys.RETRY, keys.DEAD, keys.ATTEMPTS, keys.DELIVERIES)
    assert (api.ledger().deleted, api.ledger().stranded) == (3, 0)


@pytest.mark.parametrize("order", ["run_all_now", "kill_all", "delete_all"])
def test_all_are_moved_in_chunks(retry, monkeypatch, order):
    retry(25)
    chunks = []
    run = api.JobSet.run
    monkeypatch.setattr(jobset, "CHUNK", 10)
    monkeypatch.setattr(api.JobSet, "run", lambda *given: chunks.append(len(given[-1])) or run(*given))
    assert getattr(api.retries, order)() == 25
    assert chunks == [10, 10, 5]
    assert api.retries.size() == 0


def test_all_means_those_that_are_here_now(redis, retry, monkeypatch):
    """Jobs that come for as long as somebody looks are no reason to go on without an end."""
    retry(25)
    requeue = api.JobSet.requeue

    def and_more_come(self, entries):
        made = [client.message("tasks.count")[1] for _ in entries]
        redis.zadd(keys.RETRY, {b"default\n" + message: 5e9 for message in made})
        return requeue(self, entries)

    monkeypatch.setattr(jobset, "CHUNK", 10)
    monkeypatch.setattr(api.JobSet, "requeue", and_more_come)
    assert api.retries.run_all_now() == 25
    assert api.retries.size() == 25


def test_jobs_can_be_moved_when_redis_is_full(redis, push, bury, retry):
    bury(2), retry(2)
    redis.config_set("maxmemory", 1)
    try:
        assert api.retries.run_all_now() == 2
        assert api.dead.delete_all() == 2
        assert api.Queue("default").clear().size == 2
    finally:
        redis.config_set("maxmemory", 0)


def test_the_dead_are_trimmed_as_ever_after_a_kill(redis, retry, monkeypatch):
    retry(5)
    api.retries.kill_all()
    monkeypatch.setattr(dead, "KEPT", 2)
    dead.trim(api.connection.scripts())
    assert (api.dead.size(), redis.hlen(keys.ATTEMPTS)) == (2, 2)
    assert (api.ledger().deleted, api.ledger().stranded) == (3, 0)
