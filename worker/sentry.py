"""Errors and traces, for where SENTRY_DSN says; nothing of what people are called, and of what jobs are called with.

The SDK knows Django and Celery, this engine included: it continues a request's trace in the job that it enqueued, and
reports a job that fails when it is not tried again. Here stands what it cannot know.
"""

import logging
import os
import re
import time
from functools import cache
from importlib.util import find_spec

import sentry_sdk
from celery import signals
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.transport import HttpTransport

from worker import config, dead, limits, log, message, reaper

logger = logging.getLogger(__name__)

THREAD = "sentry-sdk.BackgroundWorker"
SILENCE = 300  # seconds
FLUSH = 2  # seconds that the end of a process may wait for what is still to be sent
NEVER_RAISED = (reaper.Poison, limits.HardTimeLimit, message.Unreadable)  # so that the SDK has not seen them
ADDRESS = re.compile(r"[^\s<>\"'(),;]+@[^\s<>\"'(),;]+")  # of a mail, and of a server with its password
TOLD = ("db.", "http.response", "messaging.", "thread.")  # of a span; others are what a template was given, and such
DETAIL = re.compile(r"\bDETAIL:.*", re.DOTALL)  # PostgreSQL's: the values of a row


@cache
def start():
    """Report from now on, in this process and in its children."""
    connect()
    # A child has a transport of its own: the parent's has connections, and events that the parent will send.
    os.register_at_fork(before=rest, after_in_child=connect)
    ignore_logger("worker")  # what its lines tell of a job is reported with the job
    logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.threadName != THREAD)
    message.more_headers = trace
    dead.handlers.append(report_death)
    if config.SENTRY_REPORT_RETRIES:
        signals.task_retry.connect(report_retry)
    if find_spec("django"):
        from django.tasks.signals import task_finished

        task_finished.connect(report_result)


def connect():
    sentry_sdk.init(
        dsn=config.SENTRY_DSN,
        transport=Transport,
        release=config.RELEASE or None,
        traces_sample_rate=config.SENTRY_TRACES_SAMPLE_RATE,
        shutdown_timeout=FLUSH,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_breadcrumb=lambda crumb, _: crumb if crumb.get("category") == "query" else None,
        before_send=scrubbed,
        before_send_transaction=scrubbed,
        # By name, since others tell too much: that of Redis keys of sessions, that of the command line what is on it.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=list(integrations()),
    )


def rest():
    """Before a fork: wait a moment until nothing is being sent. What the thread that sends holds then, such as the lock
    of a module that it imports, nobody would release in the child, which would wait for it for ever.
    """
    sentry_sdk.get_client().transport._worker.flush(FLUSH)


class Transport(HttpTransport):
    """Says so when Sentry is away; now and then, and not with each event as its own thread would."""

    told = -SILENCE

    def on_dropped_event(self, loss_reason):
        if time.monotonic() - self.told > SILENCE:
            self.told = time.monotonic()
            logger.warning("Sentry does not get what is reported: %s", loss_reason)


def integrations():
    yield AtexitIntegration(callback=lambda pending, seconds: None)  # it would print
    yield from (DedupeIntegration(), ExcepthookIntegration(), StdlibIntegration(), ThreadingIntegration())
    # Errors of the log without the lines before them, which name people.
    yield LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None)
    yield CeleryIntegration()
    if find_spec("django"):
        from sentry_sdk.integrations.django import DjangoIntegration

        yield DjangoIntegration(signals_spans=False)


def trace():
    """Headers with which a job continues the trace of what enqueues it. What belongs to none begins its own."""
    if sentry_sdk.get_current_span() is None:
        return {}
    headers = sentry_sdk.get_current_scope().iter_trace_propagation_headers()
    return dict(headers) | {"sentry-task-enqueued-time": time.time()}


def report_death(death, error):
    """Report what died outside of its task."""
    if not isinstance(error, NEVER_RAISED):
        return
    with sentry_sdk.isolation_scope() as scope:
        sentry_sdk.continue_trace(death.headers)
        scope.set_tags({"job": death.id, "task": death.name, "queue": death.queue})
        sentry_sdk.capture_exception(error)
    if isinstance(error, limits.HardTimeLimit):
        sentry_sdk.flush(FLUSH)  # its process ends, and not as Python does


def report_retry(reason, **_):
    if isinstance(reason.exc, Exception):
        sentry_sdk.capture_exception(reason.exc)


def report_result(sender, task_result, **_):
    """Of the backends without a queue. They send this signal where they handle the error."""
    tried_again = getattr(sender, "is_tried_again", lambda result: False)
    if task_result.status == "FAILED" and (config.SENTRY_REPORT_RETRIES or not tried_again(task_result)):
        sentry_sdk.capture_exception()


def scrubbed(event, hint):
    """An event as it is sent: with the job or the request that it belongs to, and without what is people's own."""
    found = log.belongs_to()
    found.pop("user", None)
    event["tags"] = event.get("tags", {}) | found
    if "request" in event:
        event["request"] = {"method": event["request"].get("method")}
    if event.get("transaction_info", {}).get("source") == "url":  # of no view: the path as it was asked for
        event["transaction"] = "unknown path"
    if "logentry" in event:
        event["logentry"] = {"message": event["logentry"].get("message")}  # without what was filled in
    for span in event.get("spans", ()):
        span["data"] = {name: value for name, value in span.get("data", {}).items() if name.startswith(TOLD)}
        if span.get("op") == "http.client":  # the method and an address, such as that of a photo in a bucket
            span["description"] = span.get("description", "").partition(" ")[0]
    for name in ("user", "extra", "_meta"):
        event.pop(name, None)
    return masked(event)


def masked(value):
    if isinstance(value, dict):
        return {name: masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return ADDRESS.sub("***", DETAIL.sub("DETAIL: ***", value)) if isinstance(value, str) else value
