"""Calls the task of a job: by Celery's tracer, or past it where all that the tracer does would be for nothing."""

from celery import signals
from celery._state import _task_stack
from celery.app import trace
from celery.app.task import Context
from celery.loaders.base import BaseLoader

from worker.task import EngineTask

SIGNALS = (signals.task_prerun, signals.task_postrun, signals.task_success)


class Tracer:
    """The way of one task. app: a Celery app. process: the name of this process, which the task knows as its host."""

    def __init__(self, app, task, process):
        self.task = task
        self.celerys = trace.build_tracer(task.name, task, app.loader, process, app=app)
        self.can_be_short = (
            trace.build_tracer.__module__ == trace.__name__  # Sentry puts its own in place of it
            and type(task).__call__ is EngineTask.__call__
            and not any(trace.task_has_custom(task, hook) for hook in ("before_start", "on_success", "after_return"))
            and type(app.loader).on_task_init is BaseLoader.on_task_init
            and type(app.loader).on_process_cleanup is BaseLoader.on_process_cleanup
            and not app.conf.worker_deduplicate_successful_tasks
        )

    def call(self, running, request):
        """What came out of the job, as Celery's TraceInfo; None when it was done.

        Raises an Exception when what Celery does after the task failed: publishing the next link of a chain, and such.
        """
        if self.can_be_short:
            context = Context(request, called_directly=False)
            if self.is_of_no_interest(context):
                running.raised = self.error_of(context)
                if running.raised is None:
                    return None
        # It is the tracer that knows what to do with an error, so the task raises it there again.
        try:
            return self.celerys(running.id, request["args"], request["kwargs"], request).info
        finally:
            running.raised = None

    def is_of_no_interest(self, context):
        """Whether nobody wants to hear that the job is done: for a result, a callback, the next link of a chain."""
        return (
            trace.get_actual_ignore_result(self.task, context)
            and not (context.callbacks or context.chain or context.chord)
            and not any(signal.receivers for signal in SIGNALS)
        )

    def error_of(self, context):
        """Call the task; the exception that it raises, if it does."""
        _task_stack.push(self.task)
        self.task.request_stack.push(context)
        try:
            self.task(*context.args, **context.kwargs)
        except Exception as error:
            return error
        finally:
            self.task.request_stack.pop()
            _task_stack.pop()
