"""Whoever enqueues, whoever runs it: our client, django.tasks, stock Celery; our worker, and stock Celery's.

Every worker is a process. One more producer is one more line in PRODUCERS.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from celery.app.task import Context
from django.test import override_settings
from kombu import compression
from kombu.utils.json import dumps

from tests.servers import ROOT, until
from tests.worker import tasks
from tests.worker.test_message import ODD
from worker import api, client, config, keys, message, scheduled
from worker.connection import Scripts, connect

KEEP = "tests.worker.tasks.keep"
CALLS = [
    ([], {}),
    (["Grüße, 你好, 🚀, \u2028", 'quotes " and \\ backslashes', "\n\0"], {}),
    ([2**80, -(2**63), 0.1, -1.5e300, None, True], {}),
    ([[], {}, [[], {"a": [{}]}]], {}),
    (ODD, {"größe": ODD, "id": "not-the-job", "task": "nor this"}),
]
# What JSON does not know, and Celery's does.
RICH = [datetime(2026, 11, 25, tzinfo=UTC), UUID(int=7), Decimal("1.10"), b"bytes", b"\xff", {"deep": [UUID(int=8)]}]
ARGUMENTS = [args for args, kwargs in CALLS if not kwargs]


def send(url, calls, **settings):
    """Send by a process with stock Celery and nothing of ours; the ids."""
    command = [sys.executable, "foreign.py", dumps(calls), json.dumps(settings)]
    run = subprocess.run(command, cwd=ROOT / "tests/worker", env=bare(url), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def bare(url):
    return {"PATH": os.environ["PATH"], "REDIS_URL": url}


def each(enqueue):
    return [(enqueue(args, kwargs), args, kwargs) for args, kwargs in CALLS]


def pushed_in_bulk():
    return [(id, args, {}) for id, args in zip(client.push_bulk(KEEP, ARGUMENTS), ARGUMENTS, strict=True)]


def enqueued(task=tasks.keep_django):
    return each(lambda args, kwargs: task.enqueue(*args, **kwargs).id)


def enqueued_for_later():
    return enqueued(tasks.keep_django.using(run_after=datetime.now(UTC) + timedelta(seconds=0.5)))


def sent(**options):
    ids = send(config.REDIS_URL, [[KEEP, args, kwargs, options] for args, kwargs in CALLS])
    return [(id, *call) for id, call in zip(ids, CALLS, strict=True)]


# Each enqueues CALLS at config.REDIS_URL, and returns (id, args, kwargs) of every job.
PRODUCERS = {
    "client.push": partial(each, partial(client.push, KEEP)),
    "client.push, for later": partial(each, partial(client.push, KEEP, seconds=0.5)),
    "client.push_bulk": pushed_in_bulk,
    "delay": partial(each, lambda args, kwargs: tasks.keep.delay(*args, **kwargs).id),
    "apply_async, for later": partial(
        each, lambda args, kwargs: tasks.keep.apply_async(args, kwargs, countdown=0.5).id
    ),
    "enqueue": enqueued,
    "enqueue, for later": enqueued_for_later,
    "stock send_task": sent,
    "stock send_task, for later": partial(sent, countdown=0.5),
}


class Sent(NamedTuple):
    calls: list  # (id, args, kwargs) of each job
    messages: list  # in bytes, the oldest first


@pytest.fixture(scope="module")
def sent_by():
    """What each producer has sent, as it was in the queue when it was due."""
    redis = connect()
    tasks_to_queue = {"default": {"BACKEND": "worker.backend.QueueBackend", "QUEUES": ["default", "mailers"]}}
    found = {}
    with pytest.MonkeyPatch.context() as patch, override_settings(TASKS=tasks_to_queue):
        patch.setattr(client, "outbox", None)
        for name, produce in PRODUCERS.items():
            redis.flushdb()
            calls = produce()
            until(lambda calls=calls: due(redis, len(calls)), f"the jobs of {name}")
            found[name] = Sent(calls, redis.lrange("default", 0, -1)[::-1])
    redis.flushdb()
    redis.close()
    return found


def due(redis, count):
    """Bring what is due to the queue, as any worker does; whether all is there."""
    scheduled.promote(Scripts(redis))
    return redis.llen("default") == count


@pytest.fixture(scope="class", params=["kickstand", "WORKER_ENGINE=celery", "stock Celery"])
def runner(request, house):
    """A worker of each kind, and the Redis that it listens to."""
    house.clear()
    foreigner = None
    if request.param == "kickstand":
        house.start(4, tasks="tests.worker.tasks")
    elif request.param == "stock Celery":
        log = (house.folder / "foreign.log").open("w")
        command = ["celery", "-A", "foreign", "worker", "--pool", "threads", "-c", "4", "-l", "INFO"]
        foreigner = subprocess.Popen(
            command, cwd=ROOT / "tests/worker", env=bare(house.server.url), stdout=log, stderr=log
        )
        until(lambda: "ready." in Path(log.name).read_text(), "a worker of somebody else")
    else:
        house.start(4, tasks="tests.worker.tasks", WORKER_ENGINE="celery")
    yield house
    if foreigner:
        foreigner.kill()
        foreigner.wait()
    house.clear()


class TestEachWorker:
    @pytest.mark.parametrize("producer", PRODUCERS)
    def test_each_producers_jobs_are_run(self, runner, sent_by, producer):
        runner.redis.delete("test:said")
        calls, messages = sent_by[producer]
        runner.redis.lpush("default", *messages)
        until(lambda: len(runner.said()) >= len(calls), "the jobs")
        heard = {told["id"]: (told["args"], told["kwargs"]) for told in map(json.loads, runner.said())}
        assert heard == {id: (args, kwargs) for id, args, kwargs in calls}
        assert len(runner.said()) == len(calls)
        assert not runner.redis.exists(keys.DEAD, keys.RETRY)


@pytest.mark.parametrize("producer", PRODUCERS)
def test_each_producer_sends_what_stock_celery_sends(sent_by, producer):
    """What is missing of it has a default where Celery reads it, and what both have is of one kind."""
    for ours, theirs in zip(sent_by[producer].messages, sent_by["stock send_task"].messages, strict=False):
        ours, theirs = json.loads(ours), json.loads(theirs)
        assert ours.keys() == theirs.keys()
        assert all(ours[name] == theirs[name] for name in ("content-type", "content-encoding"))
        assert all(hasattr(Context, name) for name in theirs["headers"].keys() - ours["headers"].keys())
        assert theirs["properties"].keys() <= ours["properties"].keys()
        needed = {"lang", "task", "id", "root_id", "parent_id", "retries", "timelimit", "expires", "eta", "group"}
        assert needed <= ours["headers"].keys() & theirs["headers"].keys()
        assert all(alike(ours[part], theirs[part]) for part in ("headers", "properties"))
        assert ours["properties"]["correlation_id"] == ours["headers"]["id"] == ours["headers"]["root_id"]
        for whole in (ours, theirs):
            *_, embedded = json.loads(b64decode(whole["body"]))
            assert embedded == dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))


def alike(ours, theirs):
    """Whether what both have, and have set, is of one type."""
    both = [(ours[name], theirs[name]) for name in ours.keys() & theirs.keys()]
    return all(type(our) is type(their) for our, their in both if our is not None and their is not None)


class TestStockCelery:
    """What only stock Celery sends, to our worker."""

    def test_waits_in_schedule_when_it_is_for_later_and_is_never_run_early(self, staff):
        """Stock Celery puts it into the queue at once, for the worker to wait with it in memory."""
        at = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
        options = [{"countdown": 2}, {"eta": at}, {"countdown": 3600}]
        *soon, much_later = send(staff.server.url, [[KEEP, [], {}, each] for each in options])
        sent = [message.decoded(raw)[0] for raw in staff.redis.lrange("default", 0, -1)]
        due = {headers["id"]: message.moment(headers["eta"]) for headers in sent}
        staff.start(2, tasks="tests.worker.tasks,tests.worker.haste")
        until(lambda: len(staff.said()) == 2, "the jobs")
        ran = {told["id"]: told["at"] for told in map(json.loads, staff.said())}
        assert ran.keys() == set(soon)
        assert all(ran[id] >= due[id] for id in soon)
        until(lambda: staff.ledger("done") == staff.ledger("fetched") == 2, "the end of both")
        assert staff.ids(keys.SCHEDULE) == [much_later]
        assert [due[much_later]] == [at for _, at in staff.redis.zrange(keys.SCHEDULE, 0, -1, withscores=True)]
        assert staff.redis.hkeys(keys.ATTEMPTS) == [much_later.encode()]

    def test_that_is_for_later_runs_at_once_when_somebody_wants_it(self, shift):
        send(shift.server.url, [[KEEP, ["wanted"], {}, {"countdown": 3600}]])
        (job,) = until(lambda: api.scheduled.page().jobs, "the schedule")
        assert api.scheduled.run_now([(job.id, job.place.at)]) == 1
        until(lambda: "wanted" in "".join(shift.said()), "the job")

    def test_that_is_tried_again_waits_in_schedule_too(self, staff):
        """A job of ours that a stock worker has put back, with our headers in it."""
        worker = staff.start(2, tasks="tests.worker.tasks", WORKER_ENGINE="celery")
        id = staff.push("fail_twice")
        until(lambda: "retry in" in worker.log(), "the first failure")
        staff.end(worker)
        assert staff.redis.llen("default") == 1
        staff.start(2, tasks="tests.worker.tasks")
        until(lambda: staff.ids(keys.SCHEDULE) == [id], "the schedule")
        assert staff.said() == [f"{id} 0"]
        for job in staff.redis.zrange(keys.SCHEDULE, 0, -1):
            staff.redis.zadd(keys.SCHEDULE, {job: 0})
        until(lambda: staff.ids(keys.DEAD) == [id], "the last failure")
        assert staff.said() == [f"{id} 0", f"{id} 1"]

    def test_that_has_expired_is_not_run(self, shift):
        calls = [[KEEP, [word], {}, {"expires": seconds}] for word, seconds in (("late", -1), ("in time", 600))]
        send(shift.server.url, calls)
        until(lambda: shift.ledger("expired") == 1 and shift.ledger("done") == 1, "both")
        assert [json.loads(told)["args"] for told in shift.said()] == [["in time"]]

    def test_of_every_priority_is_run(self, shift):
        send(shift.server.url, [[KEEP, [number], {}, {"priority": number}] for number in range(10)])
        until(lambda: len(shift.said()) == 10, "the jobs")
        assert {json.loads(told)["args"][0] for told in shift.said()} == set(range(10))

    def test_of_every_compression_is_run(self, shift):
        kinds = sorted(compression.encoders())
        send(shift.server.url, [[KEEP, [kind, *ODD], {}, {"compression": kind}] for kind in kinds])
        until(lambda: len(shift.said()) == len(kinds) > 3, "the jobs")
        assert sorted(json.loads(told)["args"] for told in shift.said()) == [[kind, *ODD] for kind in kinds]

    def test_with_times_and_such_is_called_with_them(self, shift):
        send(shift.server.url, [[KEEP, RICH, {}, {}]])
        (told,) = until(shift.said, "the job")
        assert json.loads(told)["args"] == json.loads(json.dumps(RICH, default=repr))

    @pytest.mark.parametrize("id", ["order-7", "größe 7", 'quo"ted', "back\\slash"])
    def test_keeps_its_id_and_its_attempts_are_counted(self, shift, id):
        send(shift.server.url, [["tests.worker.tasks.fail_twice", [], {}, {"task_id": id}]])
        until(lambda: shift.redis.zcard(keys.RETRY) == 1, "the first failure")
        shift.hurry()
        until(lambda: shift.redis.zcard(keys.DEAD) == 1, "the last failure")
        assert shift.said() == [f"{id} 0", f"{id} 1"]
        (job,) = api.dead.page().jobs
        assert (job.attempt, job.error) == (2, "ValueError")
        assert shift.redis.hlen(keys.ATTEMPTS) == 1

    def test_that_links_to_another_has_that_run_too(self, shift):
        send(shift.server.url, [["tests.worker.tasks.add", [1, 2], {}, {"link_to": "tests.worker.tasks.total_of_one"}]])
        shift.hear("total 3")

    @pytest.mark.parametrize(
        "settings, options, why",
        [
            ({"task_protocol": 1}, {}, "of version 1, it seems: set task_protocol = 2 where it is sent"),
            ({}, {"serializer": "pickle"}, "'application/x-python-serialize': set task_serializer = 'json' where it"),
            ({}, {"serializer": "yaml"}, "its content is 'application/x-yaml': set task_serializer = 'json' where it"),
        ],
        ids=["protocol 1", "pickle", "yaml"],
    )
    def test_that_cannot_be_read_is_dead_with_a_reason(self, shift, settings, options, why):
        send(shift.server.url, [[KEEP, ["dead"], {}, options]], **settings)
        (job,) = until(lambda: api.dead.page().jobs, "the dead")
        assert why in job.message and job.error == "worker.message.Unreadable"
        assert shift.ledger("fetched") == 1 and shift.said() == []

    def test_that_is_compressed_in_an_unknown_way_is_dead_with_a_reason(self, shift):
        content = json.loads(client.message(KEEP)[1])
        content["headers"]["compression"] = "application/x-unheard-of"
        shift.redis.lpush("default", json.dumps(content))
        (job,) = until(lambda: api.dead.page().jobs, "the dead")
        assert "application/x-unheard-of" in job.message
