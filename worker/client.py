"""Puts jobs into Redis. The one door for writing; worker/api is the one for looking."""

import logging
import os
import threading
import time
from contextlib import contextmanager
from functools import cache
from itertools import batched
from typing import NamedTuple
from uuid import uuid4

import redis

from worker import job, keys, log
from worker.connection import AWAY, Direct, connect
from worker.message import encoded

logger = logging.getLogger(__name__)

DEDUPE_SECONDS = 3600
BATCH = 1000  # jobs in a round trip
ASK_AGAIN = 0.5  # seconds between questions whether Redis is back

# Who may wait for Redis instead of the caller: worker/outbox.py sets itself here, where there is a database.
outbox = None


class Call(NamedTuple):
    """What a job calls, for the log."""

    task: str
    id: str
    queue: str
    parameters: list  # the names of what the arguments are for
    args: list
    kwargs: dict


class Entry(NamedTuple):
    """A job on its way into Redis."""

    token: str  # of two entries with the same token within an hour, the second is left out
    queue: str
    message: bytes
    seconds: float | None = None  # how long from now it is due, by the clock of Redis
    due: float | None = None  # or when, in seconds since 1970
    call: Call | None = None


def push(task, args=(), kwargs=None, *, queue="default", id=None, seconds=None):
    """Enqueue a job now, or `seconds` from now by the clock of Redis; returns its id once that is safe.

    Raises a RedisError when it is in doubt whether Redis has it, and there is no outbox. The same `id` may then be
    pushed again: within an hour it counts once.
    """
    id, content = message(task, args, kwargs, id, queue, seconds and time.time() + seconds)
    put([Entry(id, queue, content, seconds, call=Call(task, id, queue, [], list(args), kwargs or {}))])
    return id


def push_bulk(task, calls, *, queue="default", seconds=None):
    """Enqueue a job for each list of arguments in `calls`, 1,000 in a round trip; returns their ids in this order.

    Raises a RedisError as `push` does; then some of the jobs may have been enqueued.
    """
    due = seconds and time.time() + seconds
    made = [message(task, args, queue=queue, due=due) for args in calls]
    put([Entry(id, queue, content, seconds) for id, content in made])
    return [id for id, _ in made]


def message(task, args=(), kwargs=None, id=None, queue="default", due=None):
    """A job as a message of Celery's protocol, version 2, which any Celery worker can run. Returns (id, bytes)."""
    id = id or str(uuid4())
    if not id.isprintable() or not set('"\\').isdisjoint(id):
        raise ValueError(f"{id!r} cannot be a job's id: use printable characters, without quotes and backslashes")
    job.check_json(task, job.named([], args, kwargs or {}))
    return id, encoded(id, task, args, kwargs or {}, queue, due)


def put(entries):
    """Put jobs where they are safe: in Redis or, with an outbox, in the database until Redis has them."""
    (outbox or send)(entries)


def send(entries):
    """Push into Redis. Raises a RedisError, at once while Redis is known to be away."""
    with breaker().guard():
        for batch in batched(entries, BATCH, strict=False):
            scripts().run_many("push", [arguments(entry) for entry in batch])
    for entry in entries:
        if entry.call:
            log.enqueued(*entry.call)


def arguments(entry):
    target = entry.queue if entry.seconds is None and entry.due is None else keys.SCHEDULE
    when = ["" if each is None else each for each in (entry.seconds, entry.due)]
    return [keys.dedupe(entry.token), target], [entry.message, DEDUPE_SECONDS, entry.queue, *when]


@cache
def connection():
    """A client that holds a request for half a second at most."""
    return connect(timeout=0.3, connect_timeout=0.2)


@cache
def scripts():
    return Direct(connection(), check=lambda: breaker().check())


@cache
def breaker():
    return Breaker()


class Breaker:
    """Remembers that Redis is away, so that it costs one caller half a second and the others nothing."""

    def __init__(self):
        self.error = None
        self.lock = threading.Lock()
        os.register_at_fork(after_in_child=self.after_fork)

    @contextmanager
    def guard(self):
        """Around commands: raises at once while Redis is known to be away, and finds out that it is."""
        self.check()
        try:
            yield
        except AWAY as error:
            self.trip(error)
            raise

    def check(self):
        """Raise a ConnectionError while Redis is known to be away."""
        if self.error is not None:
            raise redis.ConnectionError(f"Redis has not answered since: {self.error}")

    def trip(self, error):
        with self.lock:
            if self.error is not None:
                return
            self.error = error
            try:
                self.start()
            except BaseException:  # without a thread that asks it would be away for ever
                self.error = None
                raise
        logger.error("Redis is away, asking again every %s s: %s", ASK_AGAIN, error)

    def start(self):
        threading.Thread(target=self.wait, name="redis-breaker", daemon=True).start()

    def after_fork(self):
        """Threads stay behind in the parent."""
        self.lock = threading.Lock()
        if self.error is not None:
            self.start()

    def wait(self):
        while self.error is not None:
            time.sleep(ASK_AGAIN)
            try:
                connection().ping()
            except redis.RedisError:
                continue
            scripts().forget()  # what is idle there may be connected to what is gone
            self.error = None
            logger.warning("Redis answers again")
