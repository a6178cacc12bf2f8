"""How jobs leave Celery for Redis, and come back: a kombu transport without prefetching.

A job moves from its queue to this process's `inflight` in one script, when a thread is idle for it (after Sidekiq's
super_fetch). Celery's own transport takes it with one command and notes it with another; what dies in between is lost.
"""

import threading
import time
from datetime import datetime
from uuid import uuid4

import redis
from celery import current_app
from kombu.transport import virtual
from kombu.utils.json import dumps

from worker import client, job, log
from worker.connection import AWAY, connect
from worker.message import Unreadable, decoded
from worker.process import in_order

ASK_AGAIN = 0.5  # seconds between two attempts to fetch while Redis is away


class Channel(virtual.Channel):
    """What Celery publishes (`apply_async`, canvas, `send_task`) goes the way of every other job."""

    supports_fanout = False
    do_restore = False

    def _put(self, queue, message, **_):
        headers, running = message["headers"], job.current.get()
        if "enqueued_at" not in headers:  # it has them from its first time, if this is a retry
            headers |= {"enqueued_at": time.time(), "enqueued_by": job.enqueued_by()}
        again = running is not None and running.id == headers["id"]  # `self.retry` and `self.replace` keep the id
        token = f"{headers['id']}:{uuid4()}" if again else headers["id"]
        seconds, eta = headers.get("countdown"), headers.get("eta")
        due = None if seconds or not eta else datetime.fromisoformat(eta).timestamp()
        content = dumps(message).encode()
        call = called(queue, content) if not headers["retries"] and log.is_wanted() else None
        client.put([client.Entry(token, queue, [content], seconds, due, call)])

    def _size(self, queue):
        return 0  # only those ask who declare a queue before they publish, and do not look at the answer

    def _purge(self, queue):
        size = client.connection().llen(queue)
        client.connection().delete(queue)
        return size

    def _new_queue(self, queue, **_):
        pass

    def _has_queue(self, queue, **_):
        return True


class Transport(virtual.Transport):
    Channel = Channel
    driver_type = "redis"
    driver_name = "redis"
    default_port = 6379
    connection_errors = (*virtual.Transport.connection_errors, *AWAY)
    channel_errors = (*virtual.Transport.channel_errors, redis.RedisError)

    process = None  # set by the pool, in a worker

    def establish_connection(self):
        if self.process:  # a worker waits here until Redis is back; who enqueues has the outbox
            self.process.scripts.command("PING")
        return super().establish_connection()

    def driver_version(self):
        return redis.__version__

    def drain_events(self, connection, timeout=None):
        """Hand the threads as many jobs as they are idle, or wait until there are some; Celery calls this in a loop."""
        process = type(self).process
        if process is None or not process.wait(process.has_news, timeout) or process.stopping:
            raise TimeoutError
        try:
            jobs = process.fetch(in_order(process.queues))
        except redis.RedisError as error:
            if str(error).startswith("UNREGISTERED"):
                type(self).on_unregistered()
            else:  # Celery would connect anew, with pauses that grow to half a minute, or end
                process.outage.met(error)
                process.wait(lambda: process.stopping, ASK_AGAIN)
            raise TimeoutError from None
        process.outage.is_over()
        if jobs:
            process.handoff.put(jobs)
        else:
            process.pass_on()
            type(self).doorbell.wait(timeout)


def called(queue, content):
    """What a message calls, for the log; None when it cannot be read here, which is for who runs it to say."""
    try:
        headers, _, args, kwargs, _ = decoded(content)
    except Unreadable:
        return None
    task = current_app.tasks.get(headers["task"])
    return client.Call(headers["task"], headers["id"], queue, job.parameters_of(task) if task else [], args, kwargs)


class Doorbell:
    """Wakes the worker when a job arrives in an empty queue that is not paused.

    BLMOVE from the right of a queue to its right moves nothing, it only waits until there is one. Each queue has a
    thread and a connection, so that none waits behind another's block.
    """

    def __init__(self, process, seconds=1):
        self.process, self.seconds = process, seconds
        self.armed = {name: threading.Event() for name in process.queues}
        self.rung = False
        for name in process.queues:
            threading.Thread(target=self.listen, args=(name,), name=f"doorbell-{name}", daemon=True).start()

    def wait(self, seconds):
        """Until it rings, or the seconds are over."""
        process = self.process
        self.rung = False
        for name, event in self.armed.items():
            if name not in process.paused and not process.quiet:
                event.set()
        process.wait(lambda: self.rung or process.in_doubt or process.stopping, seconds)
        for event in self.armed.values():
            event.clear()

    def listen(self, queue):
        connection = connect(timeout=self.seconds + 5)
        while True:
            self.armed[queue].wait()
            try:
                came = connection.blmove(queue, queue, self.seconds, "RIGHT", "RIGHT")
            except redis.RedisError:
                came = None
                self.armed[queue].clear()  # the fetch, which meets the same error, is what reports it
            if came is not None:
                with self.process.changed:
                    self.rung = True
                    self.armed[queue].clear()
                    self.process.changed.notify_all()
