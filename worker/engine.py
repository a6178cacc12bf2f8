"""Puts a Celery app on this engine: ours in worker/celery.py, or any other, with or without Django.

app = Celery("mine")
engine.install(app)

Its jobs are in the Redis of REDIS_URL.
"""

from kombu import Queue

from worker import config, env
from worker.connection import MOST
from worker.errors import ConfigurationError


def install(app):
    """Set the transport, the pool and the base class of the tasks; before the app has any.

    Raises ConfigurationError for an app that was given another broker than REDIS_URL.
    """
    check_broker(app.conf.broker_url)
    app.task_cls = "worker.task:EngineTask"
    app.control_cls = "worker.control:Control"
    if config.SENTRY_DSN:
        from worker import sentry  # a tenth of a second that nobody waits for in vain

        sentry.start()
    app.conf.update(
        common(),
        broker_url=config.REDIS_URL,
        broker_transport="worker.transport:Transport",
        worker_pool="worker.pool:Pool",
    )


def check_broker(url):
    """The engine would leave it alone: the jobs would go to a Redis that nobody has named."""
    if url and config.any_certificate(url) != config.REDIS_URL:
        raise ConfigurationError(
            f"the app's broker is {env.masked(url)!r}, but its jobs are kept in REDIS_URL, which is "
            f"{env.masked(config.REDIS_URL)!r}: give the app no broker, and set REDIS_URL"
        )


def common():
    """What holds for Celery's own transport and pool as well."""
    return {
        "broker_connection_retry_on_startup": True,
        "accept_content": ["json"],
        # For chords and `ignore_result=False`; nothing is kept of other tasks.
        "result_backend": f"worker.chords:Results+{config.REDIS_URL}",
        "result_backend_transport_options": {
            "retry_policy": {"max_retries": 1, "interval_start": 0, "interval_max": 0}
        },
        "redis_max_connections": MOST,
        "redis_socket_timeout": 0.3,
        "redis_socket_connect_timeout": 0.2,
        "redis_retry_on_timeout": False,
        "result_expires": 3600,
        "task_ignore_result": True,
        "task_default_queue": "default",
        "task_queues": [Queue(name) for name in config.QUEUES],
        # A job is acknowledged after it ran, so that a worker that dies in the middle has not taken it along.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_concurrency": config.CONCURRENCY,
        "worker_consumer": "worker.consumer:Consumer",
        "worker_enable_remote_control": False,
        "worker_redirect_stdouts": False,
    }
