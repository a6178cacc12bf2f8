"""The base classes of every task: what becomes of a job that fails."""

import celery
from celery.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry

from worker import retries


class Task(celery.Task):
    max_retries = retries.LIMIT

    def __call__(self, *args, **kwargs):
        """Run the job, and turn its failure into a retry while there are attempts left.

        Here, within Celery's tracer, since the tracer is what would mark the job failed and call its errbacks.
        """
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        try:
            return self.run(*args, **kwargs)
        except (Retry, Ignore, Reject):
            raise
        except Exception as error:
            raise self.retry(exc=error, countdown=retries.delay(self.request.retries)) from error


class EngineTask(Task):
    """On this engine a retry publishes nothing: the pool moves the job, in one step, when it sees the exception."""

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
