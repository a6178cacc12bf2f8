"""The base classes of every task: what becomes of a job that fails."""

from functools import cached_property
from types import FunctionType

import celery
import redis
from celery import signals
from celery.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry
from kombu.exceptions import OperationalError

from worker import client, job, limits, retries
from worker.job import Hopeless


class Ended(Exception):
    """A job was ended by what is no error: its soft time limit, SystemExit."""


class Task(celery.Task):
    max_retries = retries.LIMIT
    on_exhausted = "dead"  # or "discard": what becomes of a job that failed for good
    every = cron = None  # when to make a job of it by itself, see worker/periodic.py

    def apply_async(self, args=None, kwargs=None, **options):
        """Enqueue the job. Raises TypeError for arguments that JSON would change."""
        job.check_json(self.name, job.parameters_of(self), args or (), kwargs or {})
        # Celery makes a time of it, by a clock that may be wrong; of the headers of a retry, it is the last one's.
        headers = (options.get("headers") or {}) | {"countdown": options.get("countdown")}
        return super().apply_async(args, kwargs, **options | {"headers": headers})

    def __call__(self, *args, **kwargs):
        """Run the job, and turn its failure into a retry while there are attempts left.

        Here, within Celery's tracer, since the tracer is what would mark the job failed and call its errbacks.
        """
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        if self.request.is_eager:
            return self.run(*args, **kwargs)
        running = job.current.get()
        if running.raised:
            raise running.raised
        try:
            try:
                limits.arm(running)
                return self.run(*args, **kwargs)
            finally:
                limits.disarm(running)
        except (Retry, Ignore, Reject, Hopeless):
            raise
        except limits.Stopped:
            limits.clean()
            raise Hopeless("stopped by hand") from None
        except limits.SoftTimeLimit as error:
            limits.clean()
            self.fail(Ended(f"its soft time limit of {running.soft:g} s was over"), error)
        except Exception as error:
            self.fail(error, error)
        except BaseException as error:  # left as it is, a SystemExit would end the worker's thread
            self.fail(Ended(repr(error)), error)

    def fail(self, failure, cause):
        raise self.retry(exc=failure, countdown=retries.delay(self.request.retries)) from cause


class EngineTask(Task):
    """On this engine a retry publishes nothing: the pool moves the job, in one step, when it sees the exception.

    A call without options goes past Celery's publishing, where all that this does would be for nothing.
    """

    def apply_async(self, args=None, kwargs=None, **options):
        if options or not isinstance(args or [], list | tuple) or not self.can_be_pushed():
            return super().apply_async(args, kwargs, **options)
        args, kwargs = args or (), kwargs or {}
        if self.typing:
            self.__header__(*args, **kwargs)
        try:
            id = client.push(self.name, args, kwargs, queue=self.plain_queue, parameters=job.parameters_of(self))
        except redis.RedisError as error:
            raise OperationalError(str(error)) from error  # as Celery has it
        result = self.AsyncResult(id)
        result.ignored = True
        return result

    def can_be_pushed(self):
        return (
            self.ignore_result
            and not (signals.before_task_publish.receivers or signals.after_task_publish.receivers)
            and not self.app.current_worker_task  # which the job would name as its parent
            and not self.app.conf.task_always_eager
            and is_celerys_own(celery.Task.apply_async)
            and self.plain_queue
        )

    @cached_property
    def plain_queue(self):
        """The name of its queue; None where the task, or the app, says more of how it is to be published."""
        conf = self.app.conf
        options = {name: value for name, value in self._get_exec_options().items() if value is not None}
        name = options.pop("queue", conf.task_default_queue)
        serializer = options.pop("serializer", conf.task_serializer)
        if options or conf.task_routes or serializer != "json" or self._dump_pydantic_arguments is not None:
            return None
        if type(self).shadow_name is not celery.Task.shadow_name or not isinstance(name, str):
            return None
        queue = self.app.amqp.queues.get(name)
        return name if queue is None or queue.exchange.type == "direct" else None

    def retry(self, *args, exc=None, throw=True, countdown=None, max_retries=None, **options):
        request = self.request
        if request.called_directly or args or options or not throw:
            # Another call than this one, so it has to be published: not in one step with the end of this job.
            try:
                return super().retry(
                    *args, exc=exc, throw=throw, countdown=countdown, max_retries=max_retries, **options
                )
            except Retry as retry:
                retry.published = True
                raise
        limit = self.max_retries if max_retries is None else max_retries
        if limit is not None and request.retries >= limit:
            raise exc or MaxRetriesExceededError(
                f"{self.name} has failed {request.retries + 1} times: job {request.id}"
            )
        raise Retry(exc=exc, when=self.default_retry_delay if countdown is None else countdown)


def is_celerys_own(method):
    """Whether nobody has put something around it, as Sentry does."""
    return type(method) is FunctionType and method.__globals__["__name__"] == "celery.app.task"
