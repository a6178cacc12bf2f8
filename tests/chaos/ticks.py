"""A recurring job; in a module of its own, since it would run in every worker that knows it."""

from celery import shared_task

from tests.chaos.journal import note

EVERY = 3  # seconds


@shared_task(bind=True, every=EVERY)
def tick(self):
    note("tick", int(self.request.id.replace("-", ""), 16), self.request.headers["enqueued_at"])
