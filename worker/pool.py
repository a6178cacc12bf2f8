"""The threads that run jobs, as a pool of Celery's."""

import base64
import hashlib
import json
import logging
import os
import re
import sys
import threading
import time
from datetime import datetime
from queue import SimpleQueue

import redis
from celery.app.trace import build_tracer
from celery.concurrency.base import BasePool
from celery.states import FAILURE, RETRY
from celery.worker import state

from worker import config, dead, keys, retries
from worker.connection import AWAY
from worker.heartbeat import Heartbeat
from worker.process import Process
from worker.transport import Doorbell, Transport

logger = logging.getLogger(__name__)

GRACE = 25  # seconds that running jobs have to finish; a PaaS kills 30 s after SIGTERM


class Unreadable(Exception):
    """A message that no task here can be called with."""


class Pool(BasePool):
    signal_safe = False

    def on_start(self):
        names = self.app.amqp.queues.consume_from
        self.process = Process({name: config.QUEUES.get(name, 1) for name in names}, self.limit)
        self.jobs, self.tracers = SimpleQueue(), {}
        self.heartbeat = Heartbeat(self.process)
        self.register()
        Transport.process, Transport.deliver = self.process, self.jobs.put
        Transport.on_unregistered = self.start_over
        Transport.doorbell = Doorbell(self.process)
        for number in range(self.limit):
            threading.Thread(target=self.work, name=f"job-{number}", daemon=True).start()
        self.heartbeat.start()

    def register(self):
        while True:
            try:
                return self.heartbeat.beat(join=True)
            except redis.RedisError as error:
                logger.warning("Redis is away, trying again: %s", error)
                state.maybe_shutdown()
                time.sleep(1)

    def start_over(self):
        """This process was taken for dead: what it has not started is others', and it goes on under another id."""
        logger.warning("process %s was taken for dead: its jobs are put back, and may run twice", self.process.id)
        self.process.rename()
        self.register()

    def work(self):
        while True:
            held = self.jobs.get()
            try:
                if self.process.held.get(held.tag) is held and not self.process.stopping:
                    self.run(held)
            except Exception:
                logger.exception("a job could not be handled: it stays with this process until that ends")
            finally:
                self.process.thread_is_idle()

    def run(self, held):
        try:
            id, name, args, kwargs, request = decoded(held)
            trace = self.tracer(name)
        except Unreadable as error:
            self.move(held, keys.DEAD, id_of(held.message), 0, dead.record("Unreadable", str(error)))
            return
        if expired(request):
            logger.info("expired %s job=%s", name, id)
            self.process.finish(held, id)
            return
        request["hostname"] = self.process.id
        try:
            info = trace(id, args, kwargs, request).info
        except BaseException as error:  # the tracer lets pass what would end a process: SystemExit, MemoryError
            logger.exception("%s job=%s tried to end the worker", name, id)
            limit, attempt = self.app.tasks[name].max_retries, request["retries"]
            target = keys.DEAD if limit is not None and attempt >= limit else keys.RETRY
            self.move(held, target, id, retries.delay(attempt), dead.record_of(error, attempt + 1))
            return
        if info is None or info.state not in (RETRY, FAILURE) or getattr(info.retval, "published", False):
            self.process.finish(held, id if held.attempts or held.deliveries else None)
        elif info.state == RETRY:
            failure = dead.record_of(info.retval.exc, request["retries"] + 1)
            self.move(held, keys.RETRY, id, info.retval.when, failure)
        else:
            self.move(held, keys.DEAD, id, 0, dead.record_of(info.retval, request["retries"] + 1))

    def tracer(self, name):
        if name not in self.tracers:
            if name not in self.app.tasks:
                raise Unreadable(f"no task is called {name!r} here")
            task = self.app.tasks[name]
            self.tracers[name] = build_tracer(name, task, self.app.loader, self.process.id, app=self.app)
        return self.tracers[name]

    def move(self, held, target, id, seconds, failure):
        """To retry or dead, however long Redis is away: until then the job is safe in inflight."""
        while True:
            try:
                self.process.scripts.fail(
                    [self.process.inflight, target, keys.ATTEMPTS],
                    [held.tag, id, 0 if target == keys.DEAD else seconds, failure, ""],
                )
                break
            except AWAY as error:
                logger.warning("Redis is away, trying again: %s", error)
                time.sleep(0.5)
        self.process.moved(held)

    def on_stop(self):
        """Let the jobs that run finish, put back the rest, and be gone before another process starts it."""
        in_time = self.process.drain(GRACE)
        self.heartbeat.stopped.set()
        self.heartbeat.join()
        try:
            count = self.process.leave()
            logger.info("stopped: %d jobs put back", count)
        except redis.RedisError as error:
            logger.warning("stopped without Redis, others will find the jobs: %s", error)
        if not in_time:
            sys.stdout.flush()
            os._exit(0)

    def on_terminate(self):
        self.process.stopping = True
        self.on_stop()


def decoded(held):
    """(id, name, args, kwargs, request for Celery's tracer); Unreadable when the message is not as it should be."""
    try:
        message = json.loads(held.message)
        headers, properties, body = message["headers"], message["properties"], message["body"]
        if properties.get("body_encoding") == "base64":
            body = base64.b64decode(body)
        args, kwargs, embedded = json.loads(body)
        id, name = headers["id"], headers["task"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"not a message of Celery's protocol, version 2: {error!r}") from error
    attempt = json.loads(held.attempts)["attempt"] if held.attempts else headers.get("retries", 0)
    request = headers | embedded | {
        "args": args,
        "kwargs": kwargs,
        "retries": attempt,
        "is_eager": False,
        "reply_to": properties.get("reply_to"),
        "correlation_id": properties.get("correlation_id"),
        "delivery_info": {"exchange": "", "routing_key": held.queue, "redelivered": held.deliveries > 0, "priority": 0},
    }  # fmt: skip
    return id, name, args, kwargs, request


def expired(request):
    """Whether the job was to be run before a time that has passed (`expires`, an ISO 8601 time)."""
    expires = request.get("expires")
    return bool(expires) and datetime.fromisoformat(expires).timestamp() < time.time()


def id_of(message):
    """As the scripts find it."""
    found = re.search(rb'"id"\s*:\s*"([^"]+)"', message)
    return found.group(1).decode() if found else hashlib.sha1(message).hexdigest()
