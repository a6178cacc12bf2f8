"""This worker process: who it is, what it holds, and how many of its threads are idle."""

import os
import secrets
import socket
import threading
from collections import deque
from typing import NamedTuple

import redis

from worker import keys
from worker.connection import Scripts, connect


class Held(NamedTuple):
    """A job that this process has fetched."""

    tag: int
    queue: str
    message: bytes
    attempts: bytes  # JSON, or empty
    deliveries: int


class Process:
    def __init__(self, queues, threads):
        self.queues, self.threads, self.idle = queues, threads, threads
        self.client = connect()
        self.scripts = Scripts(self.client)
        self.changed = threading.Condition()
        self.stopping = False
        self.next_tag = 1  # goes on after a new name, so that no tag ever means another job
        self.rename()

    def rename(self):
        """Take a new id, and with it an empty inflight: what still runs under the old one is somebody else's by now."""
        host = os.environ.get("DYNO") or socket.gethostname()
        self.id = f"{host}:{os.getpid()}:{secrets.token_hex(3)}"
        self.inflight = keys.inflight(self.id)
        self.held = {}  # tag -> Held: fetched and not finished
        self.finished = deque()  # (tag, job id if Redis keeps something beside the message)
        self.in_doubt = False

    def fetch(self, order):
        """Hand in what is finished, and take as many jobs as threads are idle, from the queues in `order`.

        Returns a list of Held. When it raises a RedisError nothing is lost: the finished are handed in next time, and
        jobs that Redis gave out with an answer that never arrived are put back first.
        """
        if self.in_doubt:
            self.put_back_what_never_arrived()
        with self.changed:
            finished = [self.finished.popleft() for _ in range(len(self.finished))]
            idle = 0 if self.stopping else self.idle
        names = [self.inflight, keys.PROCESSES, keys.ATTEMPTS, keys.DELIVERIES, *order]
        arguments = [self.id, idle, self.next_tag, len(finished), *(tag for tag, _ in finished)]
        arguments += [job_id for _, job_id in finished if job_id]
        try:
            found = self.scripts.fetch(names, arguments)
        except redis.RedisError:
            with self.changed:
                self.finished.extendleft(reversed(finished))
            self.next_tag += idle
            self.in_doubt = True
            raise
        jobs = [
            Held(tag, order[index], message, attempts, int(deliveries))
            for tag, index, message, attempts, deliveries in zip(*[iter(found)] * 5, strict=True)
        ]
        self.next_tag += len(jobs)
        with self.changed:
            self.idle -= len(jobs)
            self.held.update((job.tag, job) for job in jobs)
        return jobs

    def put_back_what_never_arrived(self):
        given_out = {int(tag) for tag in self.client.hkeys(self.inflight)}
        with self.changed:
            ours = self.held.keys() | {tag for tag, _ in self.finished}
        if lost := sorted(given_out - ours):
            self.scripts.release([self.inflight], lost)
        self.in_doubt = False

    def finish(self, held, job_id=None):
        """The job is done: it is acknowledged with the next fetch. `job_id` if something is kept beside its message."""
        with self.changed:
            if self.held.pop(held.tag, None) is held:
                self.finished.append((held.tag, job_id))

    def moved(self, held):
        """The job is elsewhere in Redis already: there is nothing to acknowledge."""
        with self.changed:
            self.held.pop(held.tag, None)

    def thread_is_idle(self):
        with self.changed:
            self.idle += 1
            self.changed.notify_all()

    def wait(self, ready, seconds):
        with self.changed:
            return self.changed.wait_for(ready, seconds)

    def drain(self, seconds):
        """Fetch nothing more, and wait until every thread is idle; whether that came to pass in time."""
        with self.changed:
            self.stopping = True
            return self.changed.wait_for(lambda: self.idle == self.threads, seconds)

    def leave(self):
        """Hand in what is finished, put back what is not, and take leave. The last act: nothing may run after it."""
        self.stopping = True
        self.fetch([])
        with self.changed:
            unfinished = sorted(self.held)
        count = self.scripts.release([self.inflight], unfinished) if unfinished else 0
        self.client.zrem(keys.PROCESSES, self.id)
        self.client.delete(keys.process(self.id))
        return count
