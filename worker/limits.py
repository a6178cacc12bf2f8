"""Ends a job that runs too long, or that somebody stops, in the middle of its Python code.

An exception is raised in its thread, and only while the thread is within the job: before and after, it is handling the
job. Python delivers it between two instructions of Python: a call into C, such as a query or a sleep, ends first.
"""

import ctypes
import logging
import sys
import threading

from worker import job

logger = logging.getLogger(__name__)

LOOK = 0.25  # seconds between looks at what runs

# Within these an exception that nobody expects leaves something behind for all threads: a lock that is held for ever,
# a module that is never imported, a connection that the pool has given to nobody.
FRAGILE = {
    "Condition.__enter__",
    "Condition.__exit__",
    "_find_and_load",
    "_lock_unlock_module",
    "BaseDatabaseWrapper.connect",
    "BaseDatabaseWrapper.close",
}

# Called in the thread of a job that is over, to give back what it has borrowed; and at once in that of one that was
# interrupted: what it was connected to may be in the middle of an exchange.
cleaners = []


class Interrupted(BaseException):
    """No Exception, so that the `except Exception` of a job cannot hold it up; `finally` and `with` work as ever.

    Except that Python 3.13 leaves a `with` or `try` whose body is `while condition:` without doing so when it is raised
    as the loop begins anew (python/cpython#130279).
    """


class SoftTimeLimit(Interrupted):
    """The job has run longer than its `soft_time_limit`: it has failed, and is tried again."""


class Stopped(Interrupted):
    """Somebody stopped the job: it is dead."""


class HardTimeLimit(Exception):
    """The job has run longer than its `time_limit`: it is dead, and its process has to end with it."""


def seconds(limit):
    """A limit as a task or a message has it, which may hold anything; ValueError or TypeError if that is no number."""
    return float(limit) if limit else None


def check():
    """Raise what a job is to be interrupted with, if so: for jobs that spend long in C, between two such calls."""
    running = job.current.get()
    if running is not None and running.reason:
        running.is_interrupted = True
        raise running.reason


def interrupt(running, reason):
    """Raise `reason`, a kind of Interrupted, in the thread of the job: once, and only while it is within the job."""
    with running.lock:
        running.reason = running.reason or reason
    deliver(running)


def deliver(running):
    """Now, unless something would break: then the Watch does it when the thread is elsewhere."""
    with running.lock:
        due = running.reason and not running.is_interrupted
        if due and running.thread is not None and not is_fragile(running.thread):
            running.is_interrupted = True
            raise_in(running.thread, running.reason)


def is_fragile(thread):
    frame = sys._current_frames().get(thread)
    while frame and frame.f_code.co_qualname not in FRAGILE:
        frame = frame.f_back
    return frame is not None


def raise_in(thread, reason):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(reason) if reason else None)


def arm(running):
    """From here on the job can be interrupted; one that was stopped before it began is."""
    with running.lock:
        running.thread = threading.get_ident()
    check()


def disarm(running):
    """From here on it cannot, not even by an interrupt that is on its way."""
    while running.thread is not None:
        try:
            with running.lock:
                if running.reason:
                    raise_in(running.thread, None)
                running.thread = None
        except Interrupted:
            pass  # it arrived here, where the job is over already


def clean():
    for cleaner in cleaners:
        try:
            cleaner()
        except Exception:
            logger.exception("after a job, %r failed", cleaner)


class Watch(threading.Thread):
    """Looks for jobs that have run too long; `over` is told of those past their hard limit, once each."""

    def __init__(self, process, over):
        super().__init__(name="limits", daemon=True)
        self.process, self.over = process, over
        self.stopped = threading.Event()

    def run(self):
        while not self.stopped.wait(LOOK):
            for running in self.process.runs():
                try:
                    self.look(running)
                except Exception:  # or nobody would keep a limit in this process any more
                    logger.exception("the limits of job=%s were not kept", running.id)

    def look(self, running):
        if running.hard and running.elapsed > running.hard:
            running.hard = None
            self.over(running)
        elif running.reason:
            deliver(running)
        elif running.soft and running.elapsed > running.soft:
            interrupt(running, SoftTimeLimit)
