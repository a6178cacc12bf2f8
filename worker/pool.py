"""The threads that run jobs, as a pool of Celery's."""

import json
import logging
import os
import signal
import threading
import time
import traceback

import redis
from celery import signals
from celery.app.task import Context
from celery.concurrency.base import BasePool
from celery.states import FAILURE, RETRY
from celery.utils import log as celerys_log
from celery.worker import state

from worker import config, dead, job, keys, limits, log, retries
from worker.heartbeat import Heartbeat
from worker.message import Unreadable, decoded, expired, id_of, put_early
from worker.process import Process
from worker.tracer import Tracer
from worker.transport import Doorbell, Transport

logger = logging.getLogger(__name__)

GRACE = 25  # seconds that running jobs have to finish; a PaaS kills 30 s after SIGTERM
CELERYS_HEADERS = {*Context.__dict__, "lang", "task", "argsrepr", "kwargsrepr", "compression"}


class Pool(BasePool):
    signal_safe = False

    def on_start(self):
        names = self.app.amqp.queues.consume_from
        self.process = Process({name: config.QUEUES.get(name, 1) for name in names}, self.limit)
        self.tracers = {}
        self.heartbeat = Heartbeat(self.process)
        self.register()
        Transport.process, Transport.on_unregistered = self.process, self.start_over
        Transport.doorbell = Doorbell(self.process)
        for number in range(self.limit):
            threading.Thread(target=self.work, name=f"job-{number}", daemon=True).start()
        self.heartbeat.start()
        self.watch = limits.Watch(self.process, self.give_up)
        self.watch.start()
        signals.worker_shutting_down.connect(self.fetch_no_more)

    def register(self):
        while True:
            try:
                return self.heartbeat.beat(join=True)
            except redis.RedisError as error:
                self.process.outage.met(error)
                state.maybe_shutdown()
                time.sleep(1)

    def start_over(self):
        """This process was taken for dead: what it has not started is others', and it goes on under another id."""
        logger.warning("process %s was taken for dead: its jobs are put back, and may run twice", self.process.id)
        self.process.rename()
        self.register()

    def work(self):
        while True:
            held = self.process.begin()
            try:
                if self.process.held.get(held.tag) is held and not self.process.stopping:
                    self.take(held)
            except Exception as error:  # of a message that is odd in a way that nobody thought of
                logger.exception("a job could not be handled, and is dead: job=%s", id_of(held.message))
                self.bury(held, error, 0)
            finally:
                self.process.running.pop(held.tag, None)
                self.process.thread_is_idle(held.tag)

    def take(self, held):
        try:
            headers, properties, args, kwargs, embedded = decoded(held.message)
            tracer, old, due = self.tracer(headers["task"]), expired(headers), put_early(headers)
        except (Unreadable, ValueError, TypeError) as error:
            self.bury(held, Unreadable(str(error)), 0)
            return
        running = job.Running(headers["task"], headers["id"], held.queue, held, headers.get("enqueued_by"))
        if old:
            logger.info("expired %s job=%s", running.name, running.id)
            self.process.finish(held, "expired", id_of(held.message))
            return
        if due and not held.attempts and self.postpone(held, due, headers.get("retries", 0)):
            return
        request = headers | embedded | {
            "args": args,
            "kwargs": kwargs,
            "retries": json.loads(held.attempts)["attempt"] if held.attempts else headers.get("retries", 0),
            "is_eager": False,
            "headers": {name: headers[name] for name in headers.keys() - CELERYS_HEADERS},
            "hostname": self.process.id,
            "reply_to": properties.get("reply_to"),
            "correlation_id": properties.get("correlation_id"),
            "delivery_info": {
                "exchange": "", "routing_key": held.queue, "redelivered": held.deliveries > 0, "priority": 0
            },
        }  # fmt: skip
        token = job.current.set(running)
        try:
            self.run(running, tracer, request)
        finally:
            job.current.reset(token)

    def postpone(self, held, due, retries):
        """Move a job whose time has not come to `schedule`; False when it has come, by the clock of Redis.

        Once: who takes it out of there by hand, as the dashboard can, wants it to run.
        """
        names = [self.process.inflight, keys.SCHEDULE, keys.ATTEMPTS, keys.LEDGER]
        arguments = [held.tag, id_of(held.message), due, json.dumps({"attempt": retries})]
        moved = self.insist(held, lambda: self.process.moves.postpone(names, arguments))
        if moved:
            self.process.moved(held)
        return moved != 0

    def tracer(self, name):
        if name not in self.tracers:
            if name not in self.app.tasks:
                raise Unreadable(f"no task is called {name!r} here")
            self.tracers[name] = Tracer(self.app, self.app.tasks[name], self.process.id)
        return self.tracers[name]

    def run(self, running, tracer, request):
        """Run the job, and do in Redis what becomes of it."""
        task, (hard, soft) = tracer.task, request.get("timelimit") or (None, None)
        running.hard, running.soft = map(limits.seconds, (hard or task.time_limit, soft or task.soft_time_limit))
        self.process.running[running.held.tag] = running
        log.started(running, job.parameters_of(task), request["args"], request["kwargs"])
        info = error = None
        try:
            info = tracer.call(running, request)
        except Exception as its_own:
            error = its_own
        finally:
            self.process.running.pop(running.held.tag, None)  # no limit holds for what comes now
            limits.clean()
        if error is not None:
            self.retry(running, error, request["retries"], retries.delay(request["retries"]))
        elif info is not None and info.state == FAILURE:
            self.exhausted(running, task, info.retval, request)
        elif info is not None and info.state == RETRY and not getattr(info.retval, "published", False):
            self.retry(running, info.retval.exc, request["retries"], info.retval.when)
        else:
            self.done(running)

    def done(self, running):
        log.done(running)
        self.process.tally.add(running)
        held = running.held
        self.process.finish(held, "done", id_of(held.message) if held.attempts or held.deliveries else None)

    def retry(self, running, error, attempt, seconds):
        log.retrying(running, error, seconds)
        self.process.tally.add(running, failed=True)
        failure = dead.record_of(error, attempt + 1, running.held.attempts)
        self.move(running.held, keys.RETRY, seconds, failure)

    def exhausted(self, running, task, error, request):
        log.failed(running, "".join(traceback.format_exception(error)))
        self.process.tally.add(running, failed=True)
        if getattr(task, "on_exhausted", "dead") == "discard":
            self.process.finish(running.held, "discarded", id_of(running.held.message))
        else:
            self.bury(running.held, error, request["retries"] + 1)

    def bury(self, held, error, attempt):
        moved = self.move(held, keys.DEAD, 0, dead.record_of(error, attempt, held.attempts))
        if moved:
            dead.tell(held.queue, held.message, error)
        return moved

    def move(self, held, target, seconds, failure):
        """To retry or dead, however long Redis is away: until then the job is safe in inflight.

        Returns whether it was this process' to move: not when that was taken for dead, or the job given up.
        """
        names = [self.process.inflight, target, keys.ATTEMPTS, keys.PROCESSED, keys.FAILED, keys.LEDGER]
        arguments = [held.tag, id_of(held.message), seconds, failure]
        moved = self.insist(held, lambda: self.process.moves.fail(names, arguments))
        if moved is not None:
            self.process.moved(held)
        return bool(moved)

    def insist(self, held, move):
        """What `move` returns, which is called until Redis answers; None once the job is not this process' any more."""
        while self.process.held.get(held.tag) is held:
            try:
                return move()
            except redis.RedisError as error:
                self.process.outage.met(error)
                time.sleep(0.5)
        return None

    def give_up(self, running):
        """A job past its hard limit is dead. Only the end of its process can stop it, so that ends and is restarted."""
        error = limits.HardTimeLimit(f"it ran for {running.elapsed:.0f} s, and its time limit is over")
        attempts = json.loads(running.held.attempts)["attempt"] if running.held.attempts else 0
        if not self.bury(running.held, error, attempts + 1):
            return  # it ended just now
        log.overran(running)
        self.process.quiet = True
        self.process.tally.add(running, failed=True)
        self.process.give_up(running)
        os.kill(os.getpid(), signal.SIGTERM)

    def fetch_no_more(self, **_):
        """At once on SIGTERM; Celery comes to `on_stop` seconds later."""
        with self.process.changed:
            self.process.stopping = True
            self.process.changed.notify_all()

    def on_stop(self):
        """Let the jobs that run finish, put back the rest, and be gone before another process starts it."""
        if celerys_log._in_sighandler:  # SIGQUIT, perhaps in the middle of a fetch; Celery comes again outside
            self.fetch_no_more()
            return
        in_time = self.process.drain(GRACE)
        for helper in (self.heartbeat, self.watch):
            helper.stopped.set()
            helper.join(2)  # it may be waiting for Redis
        try:
            self.heartbeat.beat()
            count = self.process.leave()
            logger.info("stopped: %d jobs put back", count)
        except redis.RedisError as error:
            logger.warning("stopped without Redis, others will find the jobs: %s", error)
        if not in_time or self.process.gave_up:
            logging.shutdown()
            os._exit(1 if self.process.gave_up else 0)

    def on_terminate(self):
        self.process.stopping = True
        self.on_stop()
