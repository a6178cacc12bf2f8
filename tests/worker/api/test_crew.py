import os
import signal
import subprocess

import pytest

from tests.servers import ROOT, until
from tests.worker.staff import DAILY
from worker import api, client, job, keys
from worker.heartbeat import HOST


def start(worker, held, thread="job-0"):
    """Let a job that was fetched be one that runs, and tell it."""
    running = job.Running("tasks.count", api.reading.id_of(held.message), held.queue, held)
    running.thread_name = thread
    worker.process.running[held.tag] = running
    worker.beat()
    return running


def test_nobody_is_there_yet(redis):
    assert api.processes() == api.running() == api.quiet() == api.stop() == []


def test_a_process_tells_of_itself(redis, worker, push):
    worker.process.threads, worker.process.taken = 50, dict.fromkeys(range(3))
    worker.beat()
    (process,) = api.processes()
    assert (process.id, process.host, process.pid) == (worker.process.id, HOST, os.getpid())
    assert process.queues == ["default", "mailers"]
    assert (process.concurrency, process.busy, process.quiet, process.alive) == (50, 3, False, True)
    assert process.rss > 1_000_000
    assert abs(process.started - redis.time()[0]) < 10 and abs(process.beat - redis.time()[0]) < 10


def test_a_process_that_is_silent_is_not_alive(redis, worker):
    redis.zadd(keys.PROCESSES, {worker.process.id: redis.time()[0] - 16})
    assert [process.alive for process in api.processes()] == [False]


def test_a_process_of_which_no_more_is_known_than_its_name_is_shown(redis):
    redis.zadd(keys.PROCESSES, {"ghost": 1})
    redis.hset(keys.process("ghost"), "pid", "no number")
    (process,) = api.processes()
    assert (process.id, process.pid, process.alive) == ("ghost", None, False)
    assert (process.queues, process.concurrency) == ([], 0)


def test_a_job_that_runs_is_shown_with_its_arguments_thread_and_start(redis, worker, push):
    ids = [push(number) for number in range(3)]
    first, second, _ = worker.fetch()
    start(worker, second, "job-1")
    running = start(worker, first)
    jobs = api.running()
    assert [each.id for each in jobs] == [ids[1], ids[0], ids[2]]
    found = jobs[1]
    assert (found.state, found.args, found.process, found.thread) == ("running", [0], worker.process.id, "job-0")
    assert (found.started, found.queue, found.task) == (running.at, "default", "tasks.count")
    assert (jobs[2].thread, jobs[2].started) == (None, None)


def test_what_a_thread_told_of_another_job_is_not_taken_for_this_one(redis, worker, push):
    push(1)
    (held,) = worker.fetch()
    redis.hset(keys.work(worker.process.id), held.tag, '{"id": "another", "thread": "job-3", "started": 5}')
    assert [(each.thread, each.started) for each in api.running()] == [(None, None)]


def test_orders_reach_the_process_with_its_next_sign_of_life(redis, worker):
    assert api.quiet(worker.process.id) == [worker.process.id]
    assert 50 < redis.ttl(keys.signals(worker.process.id)) <= 60
    worker.beat()
    assert worker.process.quiet
    assert [process.quiet for process in api.processes()] == [False]
    worker.beat()
    assert [process.quiet for process in api.processes()] == [True]


def test_orders_to_all_reach_each_in_the_order_in_which_they_were_given(redis, worker):
    redis.zadd(keys.PROCESSES, {"another": redis.time()[0]})
    assert api.quiet() == api.stop() == sorted([worker.process.id, "another"])
    assert redis.lrange(keys.signals("another"), 0, -1) == [b"quiet", b"stop"]


def test_who_is_not_there_cannot_be_told(redis, worker):
    with pytest.raises(api.NotFound, match=f"no process ghost: registered are {worker.process.id}"):
        api.stop("ghost")
    with pytest.raises(api.NotFound, match="no job x that runs: 0 jobs found"):
        api.stop_job("x")
    assert not redis.keys("signals:*")


def test_a_job_is_stopped_by_the_process_that_runs_it(redis, worker, push):
    id = push(1)
    (held,) = worker.fetch()
    running = start(worker, held)
    redis.zadd(keys.PROCESSES, {"another": redis.time()[0]})
    assert api.stop_job(id) == worker.process.id
    assert not redis.exists(keys.signals("another"))
    worker.beat()
    assert running.reason.__name__ == "Stopped"


@pytest.fixture
def real_worker(redis, tmp_path):
    redis.sadd(keys.PERIODIC_PAUSED, *DAILY)
    command = ["celery", "-q", "-A", "worker", "worker", "-I", "tests.worker.api.tasks", "-c", "2"]
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    with (tmp_path / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_real_worker_shows_what_it_runs_and_does_what_it_is_told(real_worker):
    stopped = client.push("tests.worker.api.tasks.wait", [60])
    until(lambda: [each.id for each in api.running() if each.started] == [stopped], "the job", 60)
    (running,), (process,) = api.running(), api.processes()
    assert (process.pid, process.busy, process.concurrency, process.alive) == (real_worker.pid, 1, 2, True)
    assert running.process == process.id and running.args == [60]

    assert api.stop_job(stopped) == process.id and api.quiet() == [process.id]
    until(lambda: api.dead.size(), "the end of the job")
    assert "stopped" in api.dead.find(stopped).message
    until(lambda: api.processes()[0].quiet, "quiet")
    waits = client.push("tests.worker.api.tasks.wait", [0])
    assert api.queues()[0].unheard

    api.stop(process.id)
    real_worker.wait(30)
    assert api.processes() == []
    assert api.find(waits).state == "waiting"
    assert (api.ledger().accepted, api.ledger().stranded) == (2, 0)
