"""What operators do is done in Redis, and a notice says so."""

import pytest

from worker import api, keys

SETS = {"schedule": api.scheduled, "retry": api.retries, "dead": api.dead}


@pytest.fixture
def fill(push, fail):
    """Have that many jobs in a set: their ids."""

    def fill_it(key, count):
        return [push(seconds=60 + number) for number in range(count)] if key == "schedule" else fail(key, count)

    return fill_it


def picked(jobs):
    return [f"{job.place.at!r}|{job.id}" for job in jobs]


def sizes():
    return {key: jobs.size() for key, jobs in {"default": api.Queue("default"), **SETS}.items() if jobs.size()}


@pytest.mark.parametrize("key", SETS)
@pytest.mark.parametrize("action, target, text", [
    ("run/", "default", "Sent to their queues: 2 jobs."), ("delete/", None, "Deleted: 2 jobs."),
    ("kill/", "dead", "Moved to dead: 2 jobs."),
])  # fmt: skip
def test_those_that_are_picked(act, fill, key, action, target, text):
    fill(key, 3)
    if key == target:
        return
    page = act(action, place=key, picked=picked(SETS[key].page().jobs[:2]))
    assert text in page
    assert sizes() == {key: 1} | ({target: 2} if target else {})
    assert api.ledger().stranded == 0


@pytest.mark.parametrize("key", SETS)
@pytest.mark.parametrize("action, target", [("run/", "default"), ("delete/", None)])
def test_all_of_them(act, fill, key, action, target):
    fill(key, 3)
    assert "3 jobs" in act(action, place=key, scope="all")
    assert sizes() == ({target: 3} if target else {})


def test_all_that_a_search_finds(act, push):
    push("tasks.count", "apple", seconds=60), push("tasks.count", "pear", seconds=60)
    assert "Deleted: 1 job." in act("delete/", place="schedule", scope="found", q="apple")
    assert [job.args for job in api.scheduled.page().jobs] == [["pear"]]


@pytest.mark.parametrize("action", ["run/", "kill/", "delete/"])
def test_a_job_that_has_moved_on_meanwhile_is_left_alone(act, fill, action):
    fill("retry", 2)
    seen = picked(api.retries.page().jobs)
    api.retries.run_all_now()
    assert "It has moved on meanwhile: nothing was changed." in act(action, place="retry", picked=seen)
    assert sizes() == {"default": 2}


def test_some_have_moved_on_meanwhile(act, fill):
    fill("retry", 2)
    first, _ = jobs = api.retries.page().jobs
    api.retries.run_now([(first.id, first.place.at)])
    page = act("delete/", place="retry", picked=picked(jobs))
    assert "Deleted: 1 job." in page and "The others had moved on meanwhile." in page


def test_nothing_is_picked(act, fill):
    fill("retry", 1)
    assert "No job was selected." in act("delete/", place="retry")
    assert sizes() == {"retry": 1}


def test_jobs_of_a_queue_are_deleted_and_put_back(act, push, browser, may):
    ids = [push("tasks.count", number) for number in range(5)]
    jobs = api.Queue("default").page().jobs
    page = act("delete/", place="default", picked=picked(jobs[1:3]))
    assert "Deleted: 2 jobs. For a day they can be put back." in page
    assert [job.id for job in api.Queue("default").page().jobs] == [ids[0], *ids[3:]]
    (entry,) = api.deleted()
    assert entry.by == "staff"
    shown = browser(may("operate")).get("/jobs/queues/default/").text
    assert "2 jobs deleted from default" in shown and entry.token in shown
    assert "Put back: 2 jobs." in act("undo/", token=entry.token)
    assert sorted(job.id for job in api.Queue("default").page().jobs) == sorted(ids)
    assert "It has moved on meanwhile" in act("undo/", token=entry.token)


def test_a_queue_is_cleared_and_comes_back(act, push, look):
    ids = [push("tasks.count", number) for number in range(5)]
    assert "Deleted: 5 jobs." in act("delete/", place="default", scope="all")
    assert sizes() == {} and api.ledger().deleted == 5
    assert "5 jobs deleted from default" in look("queues/")
    act("undo/", token=api.deleted()[0].token)
    assert [job.id for job in api.Queue("default").page().jobs] == ids


def test_a_queue_is_paused_and_resumed(act, push, worker):
    push()
    assert "The queue default was paused." in act("pause/", place="default")
    assert worker.fetch() == []
    assert "The queue default was resumed." in act("resume/", place="default")
    assert len(worker.fetch()) == 1


@pytest.mark.parametrize("order", ["quiet", "stop"])
def test_a_process_is_told(act, worker, redis, order):
    assert "1 worker was told to" in act(f"{order}/", process=worker.process.id)
    assert redis.lrange(keys.signals(worker.process.id), 0, -1) == [order.encode()]
    assert "1 worker was told to" in act(f"{order}/")
    assert "It has moved on meanwhile" in act(f"{order}/", process="unknown")


def test_a_job_is_stopped(act, push, worker, redis):
    id = push()
    worker.fetch(1)
    assert "The job was told to stop." in act("stop-job/", id=id)
    assert redis.lrange(keys.signals(worker.process.id), 0, -1) == [f"stop-job {id}".encode()]
    assert "It has moved on meanwhile" in act("stop-job/", id="unknown")


def test_what_is_recurring_is_paused_resumed_and_run(act, look, browser, may):
    from celery import shared_task

    @shared_task(name="tasks.sweep", every=60)
    def sweep():
        pass

    try:
        assert "tasks.sweep was paused." in act("periodic/pause/", name="tasks.sweep")
        assert "paused</b>" in look("periodic/")
        assert "tasks.sweep was resumed." in act("periodic/resume/", name="tasks.sweep")
        page = browser(may("operate")).get("/jobs/periodic/").text
        assert "every 60 s" in page and page.count('value="tasks.sweep"') == 2
        assert "A job of tasks.sweep was enqueued." in act("periodic/run/", name="tasks.sweep")
        assert [job.task for job in api.Queue("default").page().jobs] == ["tasks.sweep"]
        assert "It has moved on meanwhile" in act("periodic/run/", name="unknown")
    finally:
        sweep.app.tasks.unregister("tasks.sweep")


def test_orphans_are_rescued(act, push, redis, browser, may, monkeypatch):
    from worker.api import books, walk

    monkeypatch.setattr(books, "inflights", walk.Walk("hash", bool, match="inflight:*"))
    push()
    redis.hset(keys.inflight("gone"), 1, b"default\n" + redis.rpop("default"))
    redis.hset(keys.LEDGER, "fetched", 1)
    assert "Rescue now" in browser(may("operate")).get("/jobs/ledger/").text
    assert "Given back to their queues: 1 job." in act("rescue/")
    assert sizes() == {"default": 1}


@pytest.mark.parametrize("path, fields", [
    ("run/", {"place": "stat:ledger", "scope": "all"}), ("run/", {"place": "default", "scope": "all"}), ("run/", {}),
    ("delete/", {"place": "retry", "picked": "nonsense"}), ("delete/", {"place": "retry", "picked": "x|y"}),
    ("pause/", {"place": "retry"}), ("pause/", {"place": "processes"}),
    ("dead/groups/release/", {"group": "x", "rate": "0"}), ("dead/groups/release/", {"group": "x", "rate": "1001"}),
    ("dead/groups/release/", {"group": "x", "rate": "-1"}),
])  # fmt: skip
def test_what_no_form_sends_is_refused(browser, may, push, path, fields):
    push()
    assert browser(may("operate")).post(f"/jobs/{path}", fields).status_code == 400
    assert sizes() == {"default": 1}


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_it_goes_back_to_no_other_place(browser, may, redis, place):
    response = browser(may("operate")).post("/jobs/pause/", {"place": "default", "next": place})
    assert response["Location"] == "/jobs/"
