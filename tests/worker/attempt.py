"""An attempt at a job, as the code within it sees it."""

from contextlib import contextmanager

from worker import job
from worker.process import Held


@contextmanager
def attempt(id="j", fetched=True):
    """fetched: whether a worker took the job from Redis, or another backend runs it."""
    held = Held(1, "mailers", b"", b"", 0) if fetched else None
    token = job.current.set(job.Running("task", id, "mailers", held))
    try:
        yield
    finally:
        job.current.reset(token)
