"""Jobs that Redis was told of after a commit, and not waited for.

A moment later its answers are read, what it does not have is pushed again, and the rows of what it has are deleted, all
together: to wait for an answer, and a DELETE with a commit of its own, would cost a request more than the rest of an
enqueue. What goes wrong here is left to the relay (worker/outbox.py).
"""

import atexit
import logging
import os
import threading
from contextlib import suppress
from itertools import batched

import redis
from django.db import Error

from worker import client, limits

logger = logging.getLogger(__name__)

DELETED = 500  # rows at once


class Told:
    """What this process has told Redis of, by what came of it: `hear` is called with each answer."""

    MOMENT = 1  # seconds; what is killed meanwhile leaves rows to the relay

    def __init__(self):
        self.begin()
        os.register_at_fork(after_in_child=self.begin)
        atexit.register(self.settle)

    def begin(self):
        self.pushed, self.failed, self.is_soon, self.lock = [], [], False, threading.Lock()

    def hear(self, entry, answer):
        with self.lock:
            (self.failed if isinstance(answer, redis.RedisError) else self.pushed).append(entry)

    def settle_soon(self):
        try:
            with self.lock:
                is_soon, self.is_soon = self.is_soon, True
            if is_soon:
                return
            timer = threading.Timer(self.MOMENT, self.run)
            timer.daemon, timer.name = True, "told"
            timer.start()
        except RuntimeError:  # there are no more threads, as when a process is about to end
            self.settle()
        except BaseException:  # a job that is interrupted here; or nobody would ever settle anything again
            self.is_soon = False
            raise

    def run(self):
        try:
            self.settle()
        finally:
            limits.clean()

    def settle(self):
        with self.lock:
            is_due, self.is_soon = self.is_soon, False
        if not is_due:
            return
        with suppress(redis.RedisError):  # of which each that waits for an answer hears
            client.settle()
        with self.lock:
            pushed, failed = self.pushed, self.failed
            self.pushed, self.failed = [], []
        if failed:
            pushed += self.pushed_again(failed)
        self.delete(pushed)

    @staticmethod
    def pushed_again(entries):
        """Those of which a Redis was told that is gone, say, or has forgotten the script; but for what a relay has
        pushed meanwhile, perhaps so long ago that Redis would take it for new."""
        from worker.models import Outbox

        try:
            rows = set(Outbox.objects.filter(pk__in=[entry.token for entry in entries]).values_list("pk", flat=True))
            entries = [entry for entry in entries if entry.token in rows]
            client.send(entries)
        except (redis.RedisError, Error) as error:
            warn(entries, error)
            return []
        return entries

    @staticmethod
    def delete(entries):
        from worker.models import Outbox

        try:
            for some in batched(entries, DELETED, strict=False):
                Outbox.objects.filter(pk__in=[entry.token for entry in some]).delete()
        except Error as error:
            logger.warning("rows of %d pushed jobs are left to the relay: %s", count(entries), error)


def warn(entries, error):
    logger.warning("%d jobs wait in the database: %s", count(entries), error)


def count(entries):
    return sum(len(entry.messages) for entry in entries)


told = Told()
