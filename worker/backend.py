"""Backends of `django.tasks`: where `.enqueue()` lands.

All three take the same tasks and hold to the same rule: a job comes to be when the caller's transaction commits, and
not when it is rolled back. They differ in who runs it:

    QueueBackend      a worker process, through Redis; the job survives the process that enqueued it
    ThreadBackend     a thread of this process; what waits or runs is lost when the process ends
    ImmediateBackend  the caller itself, on commit; failures are logged and not retried
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial

from django.db import connections, transaction
from django.tasks import TaskContext, TaskResult, TaskResultStatus, base
from django.tasks.backends import immediate
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_enqueued
from django.utils import timezone

from worker import client, config, job, log, results, retries
from worker.celery import app
from worker.message import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(base.Task):
    """A `django.tasks` task with a policy: `@task(queue_name="mailers", retries=3)`.

    retries: how often a failed job is tried again; 0 for never.
    on_exhausted: what becomes of a job that failed for good, "dead" or "discard".
    keep_result: seconds for which `get_result` knows the job, counted from each thing that happens to it; 0 for not.
    soft_time_limit, time_limit: seconds after which a job fails, and after which it dies and its worker with it.
    every, cron: when to make a job of it without arguments, see worker/periodic.py.
    id: of a job that counts once however often it is enqueued within an hour: `replace(task, id="…").enqueue(…)`.
    """

    retries: int = retries.LIMIT
    on_exhausted: str = "dead"
    keep_result: int = 0
    soft_time_limit: float | None = None
    time_limit: float | None = None
    every: float | timedelta | None = None
    cron: str | None = None
    id: str | None = None

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
        if task.on_exhausted not in ("dead", "discard"):
            raise InvalidTask(f"on_exhausted is {task.on_exhausted!r}: use dead or discard.")
        for name in ("soft_time_limit", "time_limit"):
            limit = getattr(task, name)
            if limit is not None and not (isinstance(limit, int | float) and limit > 0):
                raise InvalidTask(f"{name} is {limit!r}: use a number of seconds.")

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
            id=task.id or new_id(),
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
        self.put(result)
        return result

    def put(self, result):
        transaction.on_commit(partial(self.push, result))

    def push(self, result):
        raise NotImplementedError


def function(task):
    """What the arguments of an enqueue are for: the task's function without the context, which the worker adds."""
    return without_context(task.func) if task.takes_context else task.func


@cache
def without_context(function):
    return partial(function, None)


class QueueBackend(Backend):
    supports_get_result = True

    def register(self, task):
        if task.module_path in registered:
            return
        registered.add(task.module_path)
        policy = {name: getattr(task, name) for name in POLICY}

        @app.task(
            name=task.module_path,
            bind=True,
            max_retries=task.retries,
            queue=task.queue_name,
            function=staticmethod(function(task)),
            **policy,
        )
        def run(self, *args, **kwargs):
            if not (task.takes_context or task.keep_result):
                return task.call(*args, **kwargs)
            result = resumed(task, self.request)
            context = [TaskContext(task_result=result)] if task.takes_context else []
            call = partial(task.call, *context, *args, **kwargs)
            return results.kept(result, call) if task.keep_result else call()

    def put(self, result):
        """Hand the job over with the transaction, if there is one (worker/outbox.py)."""
        if result.task.keep_result:
            transaction.on_commit(partial(results.begin, result))
        if config.ENGINE == "celery":
            super().put(result)
            return
        task, name, queue = result.task, result.task.module_path, result.task.queue_name
        due = task.run_after.timestamp() if task.run_after else None
        _, message = client.message(name, result.args, result.kwargs, result.id, queue, due)
        call = client.Call(name, result.id, queue, parameters(task), result.args, result.kwargs)
        client.put([client.Entry(result.id, queue, [message], due=due, call=call)])
        task_enqueued.send(type(self), task_result=result)

    def push(self, result):
        task = result.task
        name, queue = task.module_path, task.queue_name
        app.send_task(name, result.args, result.kwargs, task_id=result.id, queue=queue, eta=task.run_after)
        task_enqueued.send(type(self), task_result=result)

    def get_result(self, result_id):
        """The TaskResult of a job whose task has `keep_result`.

        Raises TaskResultDoesNotExist when nothing is known of the job: its task does not ask for that, or the time is
        over. Raises a RedisError when Redis is away.
        """
        return results.find(result_id)


POLICY = ("on_exhausted", "soft_time_limit", "time_limit", "every", "cron")
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

    @staticmethod
    def is_tried_again(result):
        """Whether the job, which has failed, is."""
        return False

    def execute(self, result):
        """Run the job here and now; how it went is in `result`."""
        task = result.task
        running = job.Running(task.module_path, result.id, task.queue_name)
        token = job.current.set(running)
        log.started(running, parameters(task), result.args, result.kwargs)
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
        task = result.task
        log.enqueued(task.module_path, result.id, task.queue_name, parameters(task), result.args, result.kwargs)
        run_after = task.run_after
        self.submit(result, (run_after - timezone.now()).total_seconds() if run_after else 0)

    def submit(self, result, seconds):
        timer = threading.Timer(seconds, threads().submit, (self.run, result))
        timer.daemon = True
        timer.start()

    def run(self, result):
        self.execute(result)
        connections.close_all()
        if result.status == TaskResultStatus.FAILED and self.is_tried_again(result):
            self.submit(result, retries.delay(len(result.errors) - 1))

    @staticmethod
    def is_tried_again(result):
        hopeless = issubclass(result.errors[-1].exception_class, job.Hopeless)
        return len(result.errors) <= result.task.retries and not hopeless


@cache
def threads():
    """One pool for the process; Django makes a backend object for each thread."""
    return ThreadPoolExecutor(config.CONCURRENCY, thread_name_prefix="job")


def parameters(task):
    return job.parameters(function(task))
