"""A backend of django.tasks that forgets what is enqueued: a request without its job."""

from worker.backend import QueueBackend


class Backend(QueueBackend):
    def enqueue(self, task, args, kwargs):
        return None
