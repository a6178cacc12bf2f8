"""Where Celery keeps what chords gather, and results of tasks with `ignore_result=False`."""

from celery.backends.base import SyncBackendMixin
from celery.backends.redis import RedisBackend


class Results(SyncBackendMixin, RedisBackend):
    """Asks for results when somebody waits for them; Celery subscribes to each in `delay()`, even with Redis away."""

    def on_task_call(self, producer, task_id):
        pass
