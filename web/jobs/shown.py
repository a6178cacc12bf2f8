"""Jobs as people see them: with a title, and without what is secret."""

from typing import NamedTuple

from web.jobs.titles import titles
from worker import api
from worker.job import Job


class Shown(NamedTuple):
    job: Job
    title: str
    arguments: dict | None

    @property
    def picked(self):
        """What a form sends to name this job."""
        return f"{self.job.place.at!r}|{self.job.id}"


def shown(jobs):
    """A Shown for each job, at one database query for each kind of task."""
    named = titles(jobs)
    return [Shown(job, title, api.arguments(job)) for job, title in zip(jobs, named, strict=True)]
