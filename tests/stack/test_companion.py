"""`WORKER_IN_WEB=1`: web with one worker beside it."""

import os
import re
import signal
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from tests.servers import get, until
from worker import client


@pytest.fixture
def site(stack):
    site = stack(WORKER_IN_WEB="1", WEB_CONCURRENCY="3")
    procfile = site.folder / "Procfile"
    procfile.write_text(procfile.read_text().replace("worker worker", "worker worker --include tests.worker.tasks"))
    site.manage("collectstatic", "--no-input")
    site.manage("migrate")
    site.start("redis", "web")
    return site


@pytest.fixture
def jobs(site):
    with redis.Redis(port=site.redis_port, decode_responses=True) as jobs:
        yield jobs


def told(jobs):
    """What the workers tell of themselves that are there."""
    return [jobs.hgetall(f"process:{name}") for name in jobs.zrange("processes", 0, -1)]


def a_worker(jobs):
    (worker,) = until(lambda: told(jobs), "a worker", 60)
    return worker


def hold(jobs, word):
    """Have a job run until it is let go on."""
    _, message = client.message("tests.worker.tasks.hold", [word])
    jobs.lpush("default", message)
    until(lambda: f"{word} holds" in said(jobs), "the job to start")


def said(jobs):
    return jobs.lrange("test:said", 0, -1)


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


SMALLEST_DYNO = 512 << 20  # bytes


def memory(session):
    """Bytes that the processes of a session hold, with what they share counted once."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if os.getsid(int(process.name)) == session:
                total += (
                    int(re.search(r"^Pss: +(\d+) kB", (process / "smaps_rollup").read_text(), re.MULTILINE)[1]) * 1024
                )
    return total


def test_one_worker_is_started_again_when_it_dies_and_ends_in_order(site, jobs):
    first = a_worker(jobs)
    assert (first["concurrency"], len(told(jobs))) == ("2", 1)
    assert get(site.url).status_code == 200
    assert memory(site.processes["web"].pid) < SMALLEST_DYNO
    os.kill(int(first["pid"]), signal.SIGKILL)
    jobs.flushdb()
    second = a_worker(jobs)
    assert second["pid"] != first["pid"]
    assert re.search(r"the worker beside web has ended; starting it again in (0\.5|1) s", site.log("web"))

    hold(jobs, "begun")
    web = site.processes.pop("web")
    web.send_signal(signal.SIGHUP)  # gunicorn reads its configuration anew
    until(lambda: "Handling signal: hup" in site.log("web"), "the reload")
    web.terminate()  # gunicorn alone, as where it is the first process of a container
    until(lambda: told(jobs)[0]["quiet"] == "1", "the worker to fetch no more")
    assert is_there(web.pid)
    jobs.rpush("test:begun", "")
    assert web.wait(30) == 0
    assert said(jobs) == ["begun holds", "begun ended"]
    assert "stopped: 0 jobs put back" in site.log("web")
    assert told(jobs) == []


def test_it_ends_when_gunicorn_is_gone(site, jobs):
    worker = a_worker(jobs)
    web = site.processes.pop("web")
    web.kill()
    web.wait()
    until(lambda: not is_there(int(worker["pid"])), "the end of the worker")
    assert told(jobs) == []
