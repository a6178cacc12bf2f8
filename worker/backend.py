"""Backends of `django.tasks`: where `.enqueue()` lands.

All three take the same tasks and hold to the same rule: a job is pushed when the caller's transaction has committed,
and never when it was rolled back. They differ in who runs it:

    QueueBackend      a worker process, through Redis; the job survives the process that enqueued it
    ThreadBackend     a thread of this process; what waits or runs is lost when the process ends
    ImmediateBackend  the caller itself, on commit; failures are logged and not retried
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from uuid import uuid4

from django.db import connections, transaction
from django.tasks import TaskContext, TaskResult, TaskResultStatus, base
from django.tasks.backends import immediate
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued
from django.utils import timezone

from worker import client, config, job, log, retries
from worker.celery import app


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(base.Task):
    """A `django.tasks` task with a policy: `@task(queue_name="mailers", retries=3)`.

    retries: how often a failed job is tried again; 0 for never.
    """

    retries: int = retries.LIMIT

    def __post_init__(self):
        base.Task.__post_init__(self)  # super() finds no class here: slots=True made a new one
        self.get_backend().register(self)


class Backend(BaseTaskBackend):
    task_class = Task
    supports_defer = True
    supports_async_task = True

    def validate_task(self, task):
        super().validate_task(task)
        if not isinstance(task.retries, int) or task.retries < 0:
            raise InvalidTask(f"retries is {task.retries!r}: use a whole number, 0 for never.")

    def register(self, task):
        """Make a task known to whoever runs it; called for each `@task` and each `.using()`."""

    def enqueue(self, task, args, kwargs):
        """Push the job on commit, or at once outside a transaction.

        Raises TypeError when the arguments do not fit the task or are not plain JSON.
        """
        self.validate_task(task)
        job.check(function(task), args, kwargs)
        result = TaskResult(
            task=task,
            id=str(uuid4()),
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=list(args),
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        transaction.on_commit(partial(self.push, result))
        return result

    def push(self, result):
        raise NotImplementedError


def function(task):
    """What the arguments of an enqueue are for: the task's function without the context, which the worker adds."""
    return partial(task.func, None) if task.takes_context else task.func


class QueueBackend(Backend):
    def register(self, task):
        if task.module_path in registered:
            return
        registered.add(task.module_path)

        @app.task(name=task.module_path, bind=True, max_retries=task.retries, function=staticmethod(function(task)))
        def run(self, *args, **kwargs):
            context = [TaskContext(task_result=resumed(task, self.request))] if task.takes_context else []
            return task.call(*context, *args, **kwargs)

    def push(self, result):
        task = result.task
        name, queue = task.module_path, task.queue_name
        if config.ENGINE == "celery":
            app.send_task(name, result.args, result.kwargs, task_id=result.id, queue=queue, eta=task.run_after)
        else:
            seconds = (task.run_after - timezone.now()).total_seconds() if task.run_after else None
            client.push(name, result.args, result.kwargs, queue=queue, id=result.id, seconds=seconds)
            log.enqueued(*description(result))
        task_enqueued.send(type(self), task_result=result)


registered = set()


def resumed(task, request):
    """The job's TaskResult as the worker knows it, from a Celery request."""
    now = timezone.now()
    return TaskResult(
        task=task,
        id=request.id,
        status=TaskResultStatus.RUNNING,
        enqueued_at=None,
        started_at=now,
        finished_at=None,
        last_attempted_at=now,
        args=request.args,
        kwargs=request.kwargs,
        backend=task.backend,
        errors=[],
        worker_ids=[request.hostname] * (request.retries + 1),
    )


class ImmediateBackend(Backend, immediate.ImmediateBackend):
    supports_defer = False

    def push(self, result):
        self.execute(result)

    def execute(self, result):
        """Run the job here and now; how it went is in `result`."""
        task = result.task
        running = job.Running(task.module_path, result.id, time.monotonic())
        token = job.current.set(running)
        log.started(*description(result))
        try:
            self._execute_task(result)
        finally:
            job.current.reset(token)
        if result.status == TaskResultStatus.SUCCESSFUL:
            log.done(running)
        else:
            log.failed(running, result.errors[-1].traceback)


class ThreadBackend(ImmediateBackend):
    supports_defer = True

    def push(self, result):
        log.enqueued(*description(result))
        run_after = result.task.run_after
        self.submit(result, (run_after - timezone.now()).total_seconds() if run_after else 0)

    def submit(self, result, seconds):
        timer = threading.Timer(seconds, threads().submit, (self.run, result))
        timer.daemon = True
        timer.start()

    def run(self, result):
        self.execute(result)
        connections.close_all()
        failures = len(result.errors)
        if result.status == TaskResultStatus.FAILED and failures <= result.task.retries:
            self.submit(result, retries.delay(failures - 1))


@cache
def threads():
    """One pool for the process; Django makes a backend object for each thread."""
    return ThreadPoolExecutor(config.CONCURRENCY, thread_name_prefix="job")


def description(result):
    task = result.task
    arguments = job.masked(job.parameters(function(task)), result.args, result.kwargs)
    return task.module_path, result.id, task.queue_name, arguments
