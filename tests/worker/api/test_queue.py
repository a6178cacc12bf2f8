import json
import os
import subprocess
import sys
import threading

import pytest

from tests.servers import ROOT
from tests.worker import tasks
from worker import api, client, job, keys
from worker.api import queue, walk
from worker.celery import app


def ids(jobs):
    return [job.id for job in jobs]


def summary(name):
    return next(each for each in api.queues() if each.name == name)


def test_nothing_is_there_yet(redis):
    assert [(each.name, each.size, each.latency, each.unheard) for each in api.queues()] == [
        ("default", 0, None, False),
        ("mailers", 0, None, False),
    ]
    assert api.Queue("default").page() == ([], 1, 1, 0)
    assert api.Queue("default").clear().size == 0
    assert api.Queue("default").search("x") == ([], 0, 0)


def test_pages_begin_with_the_oldest(push):
    pushed = [push(number) for number in range(7)]
    pages = [api.Queue("default").page(number, 3) for number in (1, 2, 3)]
    assert [ids(page.jobs) for page in pages] == [pushed[:3], pushed[3:6], pushed[6:]]
    assert [(page.number, page.last, page.total) for page in pages] == [(1, 3, 7), (2, 3, 7), (3, 3, 7)]
    assert [job.place.at for job in pages[1].jobs] == [-4, -5, -6]


@pytest.mark.parametrize("number, given", [(0, 1), (-5, 1), (4, 3), (10**30, 3)])
def test_a_page_that_is_not_there_is_the_nearest(push, number, given):
    for each in range(7):
        push(each)
    assert api.Queue("default").page(number, 3).number == given


def test_jobs_that_celery_publishes_tell_when_and_by_whom_they_were_enqueued(redis):
    token = job.current.set(job.Running("tasks.outer", "outer", "default"))
    tasks.shared_note.delay("a")
    app.send_task("tasks.unknown", queue="mailers")
    job.current.reset(token)
    for queue_name in ("default", "mailers"):
        assert 0 <= summary(queue_name).latency < 5
        (found,) = api.Queue(queue_name).page().jobs
        assert json.loads(found.raw)["headers"]["enqueued_by"] == {"job": "outer"}


def test_latency_is_the_age_of_the_oldest(redis, push, worker):
    redis.lpush("mailers", "of somebody who gave no time")
    push(1)
    assert 0 <= summary("default").latency < 5
    assert summary("mailers").latency is None


def test_a_job_that_failed_waits_since_then(redis, retry):
    (id,) = retry()
    redis.hset(keys.ATTEMPTS, id, '{"attempt": 1, "failed_at": %f}' % (redis.time()[0] - 100))
    old = api.retries.find(id).raw.replace(b'"enqueued_at": 1', b'"enqueued_at": 0.1')
    redis.lpush("default", old)
    assert 99 < summary("default").latency < 110


def test_a_queue_with_jobs_and_no_listener_stands_out(redis, push, worker):
    push(1)
    push(1, queue="nobody")
    redis.set("no list", 1)
    found = {each.name: (each.listeners, each.unheard) for each in api.queues()}
    assert found == {"default": (1, False), "mailers": (1, False), "nobody": (0, True)}


def test_quiet_and_silent_processes_do_not_listen(redis, worker):
    assert summary("default").listeners == 1
    redis.hset(keys.process(worker.process.id), "quiet", 1)
    assert summary("default").listeners == 0
    worker.beat()
    redis.zadd(keys.PROCESSES, {worker.process.id: redis.time()[0] - 16})
    assert summary("default").listeners == 0


def test_our_own_lists_are_no_queues(redis, worker, push):
    api.stop(worker.process.id)
    push(1)
    api.Queue("default").clear()
    redis.lpush(keys.RECENT, "{}")
    assert [each.name for each in api.queues()] == ["default", "mailers"]


def test_a_walk_looks_at_some_keys_at_a_time_and_goes_on(redis, monkeypatch):
    monkeypatch.setattr(walk, "STEP", 10)
    redis.mset({f"string {number}": 1 for number in range(300)})
    for number in range(30):
        redis.lpush(f"list {number}", 1)
    walking = walk.Walk("list", lambda name: name != "list 0")
    assert len(walking.look(10)) < 29 and not walking.complete
    looks = 1
    while not walking.complete:
        walking.look(10)
        looks += 1
    assert 10 < looks < 60
    assert len(walking.look(10)) == 29
    assert walk.Walk("list", bool).look(None) == {f"list {number}" for number in range(30)}


def test_a_pause_is_seen_and_ends(redis, worker, push):
    push(1)
    api.Queue("default").pause()
    assert summary("default").paused
    assert worker.fetch() == []
    api.Queue("default").resume()
    assert not summary("default").paused
    assert len(worker.fetch()) == 1


def test_a_paused_queue_is_shown_though_nothing_is_in_it(redis):
    api.Queue("rare").pause()
    assert summary("rare").paused


def test_a_job_is_found_near_where_it_was_seen(push, worker):
    pushed = [push(number) for number in range(300)]
    at = api.Queue("default").page(8).jobs[0].place.at
    worker.fetch(20)
    job = api.Queue("default").find(pushed[175], at, most=0)
    assert (job.id, job.place.at) == (pushed[175], at + 20)


def test_a_job_that_is_not_there_is_looked_for_and_that_is_said(push):
    pushed = [push(number) for number in range(1100)]
    assert api.Queue("default").find(pushed[1099]).id == pushed[1099]
    with pytest.raises(api.NotFound, match="looked at 500 of 1,100 in default"):
        api.Queue("default").find(pushed[1099], at=-3, most=500)


def test_a_search_looks_into_names_and_arguments_and_says_how_far(redis, push):
    pushed = [push(number) for number in range(1100)]
    other = client.push("tasks.other", [], {"name": "Ünique"})
    redis.lpush("default", "garbage")
    found = api.Queue("default").search("üNIQ")
    assert (ids(found.jobs), found.scanned, found.total, found.cut) == ([other], 1102, 1102, False)
    assert ids(api.Queue("default").search(pushed[5]).jobs) == [pushed[5]]
    assert ids(api.Queue("default").search("[77]").jobs) == [pushed[77]]
    assert len(api.Queue("default").search("garbage").jobs) == 1
    assert len(api.Queue("default").search("TASKS.COUNT", most=1000).jobs) == 1000
    assert api.Queue("default").search("x", most=1000) == ([], 1000, 1102)
    assert api.Queue("default").search("x", most=1000).cut


def test_delete_takes_what_was_picked_from_either_end(redis, push):
    pushed = [push(number) for number in range(10)]
    redis.hset(keys.ATTEMPTS, pushed[1], "{}")
    redis.hset(keys.DELIVERIES, pushed[1], 1)
    jobs = api.Queue("default").page().jobs
    assert api.Queue("default").delete([(jobs[index].id, jobs[index].place.at) for index in (1, 8)]) == 2
    assert ids(api.Queue("default").page().jobs) == [id for id in pushed if id not in (pushed[1], pushed[8])]
    assert not redis.exists(keys.ATTEMPTS, keys.DELIVERIES)
    assert api.Queue("default").delete([(pushed[1], -2)]) == 0


def test_clear_and_undo_keep_the_order(redis, push, worker):
    pushed = [push(number) for number in range(5)]
    cleared = api.Queue("default").clear()
    assert cleared.size == 5
    assert api.Queue("default").page().jobs == []
    assert 50 < redis.ttl(keys.undo("default", cleared.token)) <= 60
    assert (api.ledger().deleted, api.ledger().waiting) == (5, 0)
    meanwhile = [push(number) for number in range(2)]
    assert api.Queue("default").undo(cleared.token) == 5
    assert ids(api.Queue("default").page().jobs) == pushed + meanwhile
    assert redis.ttl("default") == -1
    assert (api.ledger().deleted, api.ledger().waiting, api.ledger().accepted) == (0, 7, 7)
    assert api.Queue("default").undo(cleared.token) == 0
    assert api.Queue("mailers").undo(cleared.token) == 0


def test_what_is_cleared_is_gone_when_its_time_is_over(redis, push):
    push(1)
    cleared = api.Queue("default").clear()
    assert redis.expire(keys.undo("default", cleared.token), 0)
    assert api.Queue("default").undo(cleared.token) == 0
    assert (api.ledger().deleted, api.ledger().accepted, api.ledger().stranded) == (1, 1, 0)


def test_an_undo_that_was_broken_off_loses_nothing_and_goes_on(redis, push, monkeypatch):
    pushed = [push(number) for number in range(3)]
    cleared = api.Queue("default").clear()
    meanwhile = [push(number) for number in range(25)]
    key = keys.undo("default", cleared.token)
    more, count = queue.scripts().undo(["default", key, keys.LEDGER], [10])
    assert (more, count) == (1, 3)
    assert (redis.ttl(key), redis.llen(key), redis.llen("default")) == (-1, 13, 15)
    assert (api.ledger().accepted, api.ledger().stranded) == (28, 0)
    monkeypatch.setattr(queue, "CHUNK", 4)
    assert api.Queue("default").undo(cleared.token) == 13
    assert ids(api.Queue("default").page(1, 100).jobs) == pushed + meanwhile
    assert (api.ledger().accepted, api.ledger().waiting, api.ledger().deleted) == (28, 28, 0)


def test_an_undo_rings_the_doorbell_of_waiting_workers(redis, push):
    push(1)
    cleared = api.Queue("default").clear()
    heard = []
    waiting = threading.Thread(target=lambda: heard.append(redis.blmove("default", "default", 4, "RIGHT", "RIGHT")))
    waiting.start()
    while not redis.info("clients")["blocked_clients"]:
        pass
    api.Queue("default").undo(cleared.token)
    waiting.join()
    assert heard[0]


def test_a_large_queue_costs_no_more_than_its_page(redis):
    id, message = client.message("tasks.count", [1])
    for start in range(0, 200_000, 10_000):
        numbers = range(start, start + 10_000)
        redis.lpush("default", *[message.replace(id.encode(), b"%036d" % number) for number in numbers])
    sent = redis.info("stats")["total_net_output_bytes"]
    jobs = api.Queue("default").page(4000).jobs
    assert api.Queue("default").find(jobs[3].id, jobs[3].place.at, most=0).id == jobs[3].id
    assert api.Queue("default").delete([(jobs[3].id, jobs[3].place.at)]) == 1
    api.queues()
    assert api.Queue("default").undo(api.Queue("default").clear().token) == 199_999
    assert redis.info("stats")["total_net_output_bytes"] - sent < 1_000_000


def test_everything_here_works_without_django():
    code = (
        "import sys; sys.modules['django'] = None\n"
        "from worker import api\n"
        "print(api.queues(), api.stats(), api.ledger(), api.check(), api.processes(), api.running())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
