"""The job that this thread runs, what a job's arguments may be, and the record of a job with its states."""

import base64
import inspect
import json
import threading
import time
import zlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from math import isfinite
from typing import NamedTuple

PLAIN = bool, int, str  # what JSON holds as it is, beside lists and such
SECRETS = ("password", "token", "secret", "key", "authorization", "body", "alternatives", "attachments")


class Running:
    """An attempt at a job, in the thread that makes it."""

    def __init__(self, name, id, queue, held=None, enqueued_by=None):
        self.name, self.id, self.queue, self.held, self.enqueued_by = name, id, queue, held, enqueued_by
        self.at, self.started = time.time(), time.monotonic()
        self.soft = self.hard = None  # seconds that it may take; see worker/limits.py for these and what follows
        self.thread = self.reason = self.progress = None
        self.is_interrupted = False
        self.raised = None  # what it has raised outside of Celery's tracer, see worker/tracer.py
        self.mails = 0  # that it has sent, see worker/sent.py
        self.thread_name = threading.current_thread().name
        self.lock = threading.RLock()

    @property
    def elapsed(self):
        return time.monotonic() - self.started

    @property
    def attempt(self):
        """Counted from 1."""
        return json.loads(self.held.attempts)["attempt"] + 1 if self.held and self.held.attempts else 1

    @property
    def request(self):
        """The request that it goes back to, and the id of its user, as `enqueued_by` tells them."""
        by = self.enqueued_by if isinstance(self.enqueued_by, dict) else {}
        return {name: by[name] for name in ("request", "user_id") if by.get(name)}


class Hopeless(Exception):
    """Raised in a job that no further attempt can help: it goes to dead at once, with this message."""


# None outside jobs. A mail that is sent while it is set is delivered by that job, not queued again.
current = ContextVar("job", default=None)


# Who asks for what this thread does: `told()` and `known()` are dicts such as {"request": "…"}, `elapsed` are seconds,
# and `enqueued(id)` hears of each job that `get_result` will know, once that is certain. See web/origin.py.
origin = ContextVar("origin", default=None)


def enqueued_by():
    """Who enqueues just now: the job of this thread, or whom `origin` tells; None if nobody knows."""
    if running := current.get():
        return {"job": running.id} | running.request
    asking = origin.get()
    return asking.told() if asking else None


def progress(done, total, text=""):
    """Tell how far the job of this thread is, such as 40 of 200; the dashboard shows it. Does nothing outside jobs."""
    if running := current.get():
        running.progress = [done, total, text]


def check(function, args, kwargs):
    """Raise TypeError for a call that does not fit `function`, or an argument that JSON would change.

    Ids survive; objects would be stale by the time the job runs (Sidekiq's best practice: "small and simple").
    """
    signature(function).bind(*args, **kwargs)
    check_json(f"{getattr(function, 'func', function).__qualname__}()", parameters(function), args, kwargs)


def check_json(what, parameters, args, kwargs):
    """Raise TypeError when JSON would change an argument with which `what` is called."""
    if odd([*args, *kwargs.values()]) is None:
        return
    for name, value in named(parameters, args, kwargs).items():
        if (found := odd(value)) is not None:
            hint = ": pass its .pk and load it in the job" if hasattr(found, "pk") else ""
            raise TypeError(f"{what} got {name}={found!r}, a {type(found).__name__}, which JSON cannot hold{hint}")


def odd(value):
    """The first part of `value` that is not plain JSON, or None."""
    if value is None or isinstance(value, PLAIN) or (isinstance(value, float) and isfinite(value)):
        return None
    if isinstance(value, list | tuple):
        for item in value:
            if type(item) not in PLAIN and (found := odd(item)) is not None:
                return found
        return None
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return odd(list(value.values()))
    return value


def parameters(function):
    return list(signature(function).parameters)


signature = cache(inspect.signature)  # which takes longer than to enqueue a job


def named(parameters, args, kwargs):
    """The arguments of a call by the names of the parameters they fill, whether or not the call is right."""
    names = parameters + [f"argument {number}" for number in range(len(parameters) + 1, len(args) + 1)]
    return dict(zip(names, args, strict=False)) | kwargs


@cache
def parameters_of(task):
    """What the arguments of a Celery task are for; of one that only its worker knows, the keywords alone have names."""
    function = getattr(task, "function", None) or getattr(task, "run", None)
    return parameters(function) if function else []


def masked(parameters, args, kwargs):
    """The arguments as text for a log line: secrets by name are hidden, long values are cut."""
    return " ".join(f"{name}={shown(name, value)}" for name, value in named(parameters, args, kwargs).items())


def is_secret(name):
    return any(secret in name.lower() for secret in SECRETS)


def shown(name, value):
    if is_secret(name):
        return "***"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(key, item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(name, item) for item in value[:10]) + (", …" if len(value) > 10 else "") + "]"
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


class State(StrEnum):
    """Where a job is in its life; `meaning` says it in a sentence."""

    def __new__(cls, word, meaning):
        state = str.__new__(cls, word)
        state._value_, state.meaning = word, meaning
        return state

    WAITING = "waiting", "In its queue, until a thread of a worker is idle."
    SCHEDULED = "scheduled", "Enqueued for later: it goes to its queue when it is due."
    RUNNING = "running", "Taken by a worker, which holds it until it has ended."
    RETRYING = "retrying", "Failed, and goes back to its queue when it is due."
    DEAD = "dead", "Failed for good, or cannot be read: kept for 180 days."
    DONE = "done", "Did its work."


class Place(NamedTuple):
    """What finds a job again without a search."""

    key: str
    at: float | int  # its score in a set; its place from the end in a queue, -1 for the oldest; its tag in an inflight


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An attempt that failed, before the last one that did."""

    error: str | None
    message: str | None
    failed_at: float | None
    packed_backtrace: str = field(default="", repr=False)  # empty when it is that of the failure after it

    @property
    def backtrace(self):
        return unpacked(self.packed_backtrace)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it was found in Redis. None is what is not known, or cannot be read; times are seconds since 1970."""

    id: str
    state: State
    place: Place
    queue: str
    task: str | None = None
    args: list | None = None
    kwargs: dict | None = None
    tags: tuple = ()  # words of whoever enqueued it: its header `tags`
    enqueued_at: float | None = None
    due: float | None = None
    eta: float | None = None  # when it was asked to run, if that was not at once
    attempt: int = 0  # how often it has failed
    error: str | None = None
    message: str | None = None
    failed_at: float | None = None
    packed_backtrace: str = field(default="", repr=False)
    earlier: tuple = ()  # of Failure, the newest first
    process: str | None = None
    thread: str | None = None
    started: float | None = None
    progress: tuple | None = None  # (done, total, text)
    finished: float | None = None
    raw: bytes = field(default=b"", repr=False)  # its message, byte for byte
    entry: bytes = field(default=b"", repr=False)  # as it stands in Redis: outside a queue that one's name comes first

    @property
    def backtrace(self):
        """The traceback of its last failure as text; empty when there is none."""
        return unpacked(self.packed_backtrace)


def unpacked(backtrace):
    try:
        return zlib.decompress(base64.b64decode(backtrace)).decode(errors="replace")
    except (ValueError, zlib.error):
        return ""
