"""The Celery app: `celery -A worker worker` starts here, in a terminal, in Compose and on a PaaS alike."""

import logging
import logging.config
import os
import time
from functools import cache

from celery import Celery, signals
from kombu import Queue

from worker import config, env, job, log

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")

OURS = {
    "broker_transport": "worker.transport:Transport",
    "worker_pool": "worker.pool:Pool",
}
# WORKER_ENGINE=celery: the same tasks on what Celery brings along.
STOCK = {
    # Without these a Redis that hangs would hang the request that enqueues. BRPOP waits 1 s, so 5 s is an outage.
    "broker_transport_options": {"socket_timeout": 5, "socket_connect_timeout": 0.5},
    "worker_pool": "threads",
    "worker_prefetch_multiplier": 1,
}
on_our_engine = config.ENGINE == "kickstand"

app = Celery("kickstand", task_cls="worker.task:EngineTask" if on_our_engine else "worker.task:Task")
app.conf.update(
    OURS if on_our_engine else STOCK,
    broker_url=config.BROKER_URL,
    broker_connection_retry_on_startup=True,
    accept_content=["json"],
    task_ignore_result=True,
    task_default_queue="default",
    task_queues=[Queue(name) for name in config.QUEUES],
    # A job is acknowledged after it ran, so that a worker that dies in the middle has not taken it along.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_concurrency=config.CONCURRENCY,
    worker_consumer="worker.consumer:Consumer",
    worker_enable_remote_control=False,
    worker_redirect_stdouts=False,
)
app.autodiscover_tasks()
app.autodiscover_tasks(["worker"], related_name="mail")

logger = logging.getLogger("worker")


@signals.setup_logging.connect
def configure_logging(**_):
    logging.config.dictConfig(log.settings())


@signals.worker_ready.connect
def announce(sender, **_):
    logger.info(
        "worker ready engine=%s redis=%s queues=%s concurrency=%s pid=%s",
        config.ENGINE,
        env.masked(config.BROKER_URL),
        ",".join(app.amqp.queues.consume_from),
        sender.pool.limit,
        os.getpid(),
    )


@signals.after_task_publish.connect
def log_enqueued(sender, headers, body, routing_key, **_):
    if not headers["retries"]:
        log.enqueued(sender, headers["id"], routing_key, arguments(app.tasks.get(sender), *body[:2]))


@signals.task_prerun.connect
def begin(task_id, task, args, kwargs, **_):
    job.current.set(job.Running(task.name, task_id, time.monotonic()))
    queue = task.request.delivery_info["routing_key"]
    log.started(task.name, task_id, queue, arguments(task, args, kwargs))


@signals.task_retry.connect
def log_retry(request, reason, **_):
    log.retrying(job.current.get(), reason.exc, reason.when)


@signals.task_failure.connect
def log_failure(einfo, **_):
    log.failed(job.current.get(), einfo.traceback)


@signals.task_postrun.connect
def end(state, **_):
    if state == "SUCCESS":
        log.done(job.current.get())
    job.current.set(None)


@cache
def parameters(task):
    """What the arguments of a task are for; of a task that only its worker knows, the keywords alone have names."""
    function = getattr(task, "function", None) or getattr(task, "run", None)
    return job.parameters(function) if function else []


def arguments(task, args, kwargs):
    return job.masked(parameters(task), args, kwargs) if log.logger.isEnabledFor(logging.INFO) else ""
