"""What is known of a job while it runs and after, for the tasks that ask for it: `@task(keep_result=3600)`."""

import json
import logging
import time
import traceback
from dataclasses import asdict, replace
from datetime import datetime

import redis
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.base import TaskError
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone
from django.utils.json import normalize_json
from django.utils.module_loading import import_string

from worker import client, job, keys, limits
from worker.connection import AWAY

logger = logging.getLogger(__name__)

TIMES = ("enqueued_at", "started_at", "finished_at", "last_attempted_at")


def begin(result):
    """Note that a job waits, and tell whoever asked for it that it can be asked after."""
    try_to_keep(result, "NX")  # a relay may have been faster, and the job be done by now
    if asking := job.origin.get():
        asking.enqueued(result.id)


def kept(result, call):
    """Make the call of a job, and keep what becomes of it; returns what it returns.

    result: the TaskResult of a job that runs. Raises what the call raises, and TypeError when JSON cannot hold what it
    returns.
    """
    known = read(result.id) or {}
    errors = [TaskError(**error) for error in known.get("errors", [])]
    result = replace(result, errors=errors, enqueued_at=moment(known.get("enqueued_at")))
    try_to_keep(result)
    try:
        value = normalize_json(call())
    except BaseException as error:  # a job that is stopped among them
        path = f"{type(error).__module__}.{type(error).__qualname__}"
        errors.append(TaskError(exception_class_path=path, traceback="".join(traceback.format_exception(error))))
        over = isinstance(error, job.Hopeless | limits.Stopped) or result.attempts > result.task.retries
        status = TaskResultStatus.FAILED if over else TaskResultStatus.READY
        insist_on_keeping(replace(result, status=status, finished_at=timezone.now() if over else None))
        raise
    insist_on_keeping(replace(result, status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now()), value)
    return value


def keep(result, value=None, *options):
    """Write a TaskResult for as long as its task asks for."""
    record = {
        "task": result.task.module_path,
        "id": result.id,
        "status": result.status,
        "args": result.args,
        "kwargs": result.kwargs,
        "backend": result.backend,
        "errors": [asdict(error) for error in result.errors],
        "worker_ids": result.worker_ids,
        "value": value,
        "run_after": due.isoformat() if (due := result.task.run_after) else None,
        **{name: time.isoformat() if (time := getattr(result, name)) else None for name in TIMES},
    }
    with client.breaker():
        words = "SET", keys.done(result.id), json.dumps(record), "EX", result.task.keep_result, *options
        client.scripts().command(*words)


def try_to_keep(result, *options):
    """Write what nobody depends on: that the job waits or runs."""
    try:
        keep(result, None, *options)
    except redis.RedisError as error:
        logger.warning("that job %s is %s could not be noted: %s", result.id, result.status, error)


def insist_on_keeping(result, value=None):
    """Write what became of the job, however long Redis is away: to fail here would make the job run again."""
    while True:
        try:
            return keep(result, value)
        except AWAY as error:
            logger.warning("Redis is away, trying again: %s", error)
            time.sleep(0.5)


def died(death, error):
    """Note of a job that has died what its call could not: its process died with it, or its time limit was over.

    A handler of worker/dead.py.
    """
    record = read(death.id)
    if record and record["status"] != TaskResultStatus.FAILED:
        known = {"status": TaskResultStatus.FAILED, "finished_at": timezone.now().isoformat()}
        client.connection().set(keys.done(death.id), json.dumps(record | known), keepttl=True, xx=True)


def find(id):
    """The TaskResult of a job. Raises TaskResultDoesNotExist when nothing is kept of it, or its task is gone."""
    record = read(id)
    if record is None:
        raise TaskResultDoesNotExist(
            f"nothing is kept of job {id}: it is of a task without keep_result, unknown, or too old"
        )
    value = record.pop("value")
    record |= {name: moment(record[name]) for name in TIMES}
    record["task"] = task(record["task"], moment(record.pop("run_after", None)))
    record["status"] = TaskResultStatus(record["status"])
    record["errors"] = [TaskError(**error) for error in record["errors"]]
    result = TaskResult(**record)
    object.__setattr__(result, "_return_value", value)
    return result


def task(path, run_after):
    try:
        found = import_string(path)
    except ImportError as error:
        raise TaskResultDoesNotExist(f"no task is called {path!r} here") from error
    return found.using(run_after=run_after) if run_after else found


def read(id):
    kept = client.connection().get(keys.done(id))
    record = json.loads(kept) if kept else None
    return record if isinstance(record, dict) and "status" in record else None


def moment(text):
    return datetime.fromisoformat(text) if text else None
