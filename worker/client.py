"""Puts jobs into Redis. The one door for writing; worker/api is the one for looking."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import batched, chain
from typing import NamedTuple

import redis

from worker import job, keys, log
from worker.connection import AWAY, connect
from worker.line import Direct
from worker.message import encoded, encoder, new_id, new_ids

logger = logging.getLogger(__name__)

DEDUPE_SECONDS = 3600
BATCH = 1000  # jobs in a round trip, at most
AT_ONCE = 100  # jobs that go together: in one script, while which nobody else is served
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


@dataclass(slots=True, eq=False)
class Entry:
    """A job on its way into Redis, or up to a hundred that go together.

    token: of two entries with the same token within an hour, the second is left out. made: their messages, a list of
    bytes, or a function that makes it once it is needed. seconds: how long from now they are due, by the clock of
    Redis; due: or when, in seconds since 1970. call: what is to be logged.
    """

    token: str
    queue: str
    made: list | Callable
    seconds: float | None = None
    due: float | None = None
    call: Call | None = None

    @property
    def messages(self):
        if callable(self.made):
            self.made = self.made()
        return self.made


def push(task, args=(), kwargs=None, *, queue="default", id=None, seconds=None, parameters=()):
    """Enqueue a job now, or `seconds` from now by the clock of Redis; returns its id once that is safe.

    parameters: the names of what `args` are for, for the log and for errors.
    Raises a RedisError when it is in doubt whether Redis has it, and there is no outbox. The same `id` may then be
    pushed again: within an hour it counts once.
    """
    parameters, due = list(parameters), seconds and time.time() + seconds
    id, content = message(task, args, kwargs, id, queue, due, parameters)
    put([Entry(id, queue, [content], seconds, None, Call(task, id, queue, parameters, args, kwargs or {}))])
    return id


def push_bulk(task, calls, *, queue="default", seconds=None):
    """Enqueue a job for each list of arguments in `calls`, 1,000 in a round trip; returns their ids in this order.

    Raises a RedisError as `push` does; then some of the jobs may have been enqueued.
    """
    due = seconds and time.time() + seconds
    calls = [list(args) for args in calls]
    for args in calls:
        job.check_json(task, [], args, {})
    ids = []
    for batch in batched(calls, BATCH, strict=False):
        new, encode = new_ids(len(batch)), encoder(task, queue, due)
        made = batched(zip(new, batch, strict=True), AT_ONCE, strict=False)
        # They are made as they are sent: Redis takes those before them meanwhile.
        put([Entry(together[0][0], queue, partial(encoded_all, encode, together), seconds) for together in made])
        ids += new
    return ids


def encoded_all(encode, jobs):
    return [encode(id, args, {}) for id, args in jobs]


def message(task, args=(), kwargs=None, id=None, queue="default", due=None, parameters=()):
    """A job as a message of Celery's protocol, version 2, which any Celery worker can run. Returns (id, bytes)."""
    if id and not (id.isprintable() and set('"\\').isdisjoint(id)):
        raise ValueError(f"{id!r} cannot be a job's id: use printable characters, without quotes and backslashes")
    id, args, kwargs = id or new_id(), list(args), kwargs or {}
    job.check_json(task, list(parameters), args, kwargs)
    return id, encoded(id, task, args, kwargs, queue, due)


def put(entries):
    """Put jobs where they are safe: in Redis or, with an outbox, in the database until Redis has them."""
    (outbox or send)(entries)


def send(entries):
    """Push into Redis. Raises a RedisError, at once while Redis is known to be away."""
    if len(entries) == 1:
        with breaker():
            scripts().run(*call(entries[0]))
        note(entries[0])
    elif errors := [answer for answer in answers(entries) if isinstance(answer, redis.RedisError)]:
        raise errors[0]


def answers(entries):
    """Push into Redis; returns what it says to each entry, a RedisError where it refuses one. Raises as `send` does
    when it is away."""
    found = []
    with breaker():
        for some in batched(entries, BATCH // AT_ONCE, strict=False):
            found += scripts().run_many(map(call, some))
        if away := [answer for answer in found if isinstance(answer, AWAY)]:
            raise away[0]
    for entry, answer in zip(entries, found, strict=True):
        if not isinstance(answer, redis.RedisError):
            note(entry)
    return found


def tell(entry, hear):
    """Push into Redis without waiting for that: `hear` is called with its answer later, a RedisError if it is one.

    Raises a RedisError when it could not be sent.
    """
    with breaker():
        scripts().tell(*call(entry), hear)
    note(entry)


def settle():
    """Wait for the answers to what was told. Raises a RedisError when not all come.

    A Redis that has hung up may be back already, so it is not taken for one that is away.
    """
    scripts().settle()


def note(entry):
    """Log it, once, however often it is pushed."""
    if entry.call:
        log.enqueued(*entry.call)
        entry.call = None


def call(entry):
    """The script that pushes it, as (name, keys, arguments)."""
    if entry.seconds is None and entry.due is None:
        return "push", [entry.queue, keys.dedupe(entry.token)], [DEDUPE_SECONDS, *entry.messages]
    when = ["" if each is None else each for each in (entry.seconds, entry.due)]
    jobs = [(f"{entry.queue}\n".encode() + message, *when) for message in entry.messages]
    return "schedule", [keys.SCHEDULE, keys.dedupe(entry.token)], [DEDUPE_SECONDS, *chain.from_iterable(jobs)]


def begin():
    """Make what threads share now: of those that come first, together, each would make its own."""
    scripts()
    breaker()


@cache
def connection():
    """A client that holds a request for half a second at most."""
    return connect(timeout=0.3, connect_timeout=0.2)


@cache
def scripts():
    return Direct(connection(), breaker)


@cache
def breaker():
    return Breaker()


class Breaker:
    """Remembers that Redis is away, so that it costs one caller half a second and the others nothing."""

    def __init__(self):
        self.error = None
        self.lock = threading.Lock()
        os.register_at_fork(after_in_child=self.after_fork)

    def __enter__(self):
        """Around commands: raise at once while Redis is known to be away, and find out that it is."""
        self.check()

    def __exit__(self, kind, error, traceback):
        if isinstance(error, AWAY):
            self.trip(error)

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
        if self.error is not None:
            logger.error("Redis is away, asking again every %s s: %s", ASK_AGAIN, error)

    def start(self):
        try:
            threading.Thread(target=self.wait, name="redis-breaker", daemon=True).start()
        except RuntimeError as error:  # there are no more: then everybody finds out by himself
            logger.error("Redis is away, and nobody asks whether it is back: %s", error)
            self.error = None

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
            except Exception:  # whatever it is: who else would ask?
                continue
            scripts().forget()  # what is idle there may be connected to what is gone
            self.error = None
            logger.warning("Redis answers again")
