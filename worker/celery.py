"""The Celery app: `celery -A worker worker` starts here, in a terminal, in Compose and on a PaaS alike."""

import logging
import os

from celery import Celery, signals

from worker import config, engine, env, job, log

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")

ours = config.ENGINE == "kickstand"
app = Celery("kickstand", broker=config.BROKER_URL, fixups=["worker.fixup:fixup"] if ours else None)
if ours:
    engine.install(app)
else:  # the same tasks on what Celery brings along
    app.task_cls = "worker.task:Task"
    app.conf.update(
        engine.common(),
        # Without these a Redis that hangs would hang the request that enqueues. BRPOP waits 1 s, so 5 s is an outage.
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 0.5},
        worker_pool="threads",
        worker_prefetch_multiplier=1,
    )
app.autodiscover_tasks()
app.autodiscover_tasks(["worker"], related_name="mail")

logger = logging.getLogger("worker")


@signals.celeryd_init.connect  # the first of a worker, before Celery warns of anything
@signals.setup_logging.connect
def configure_logging(**_):
    from celery.apps import worker

    log.begin()
    worker.safe_say = log.say  # with which Celery tells of a shutdown


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


def log_as_our_engine_does():
    """Without it Celery's signals tell what happens to a job."""

    def enqueued(sender, headers, body, routing_key, **_):
        if not headers["retries"]:
            task = app.tasks.get(sender)
            log.enqueued(sender, headers["id"], routing_key, job.parameters_of(task) if task else [], *body[:2])

    def begin(task_id, task, args, kwargs, **_):
        job.current.set(job.Running(task.name, task_id, task.request.delivery_info["routing_key"]))
        log.started(job.current.get(), job.parameters_of(task), args, kwargs)

    def end(state, **_):
        if state == "SUCCESS":
            log.done(job.current.get())
        job.current.set(None)

    def retry(request, reason, **_):
        log.retrying(job.current.get(), reason.exc, reason.when)

    def failure(einfo, **_):
        log.failed(job.current.get(), einfo.traceback)

    signals.after_task_publish.connect(enqueued, weak=False)
    signals.task_prerun.connect(begin, weak=False)
    signals.task_retry.connect(retry, weak=False)
    signals.task_failure.connect(failure, weak=False)
    signals.task_postrun.connect(end, weak=False)


if not ours:
    log_as_our_engine_does()
