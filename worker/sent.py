"""For whom a server has taken the mails of a job, so that no rerun sends them again.

A job's mails are known by their order, so a job that sends several to the same people has to keep to it. A rerun may
come to a number that was taken for other people alone, when somebody who was sent a mail the first time has left since:
that is another mail, and the next number is looked at.
"""

import json
import logging
from collections import OrderedDict
from functools import cache
from uuid import uuid4

import redis

from worker import dead, job, keys
from worker.connection import connect
from worker.line import Direct

logger = logging.getLogger(__name__)

KEPT = 86_400  # seconds; longer than any outage after which a job is given to another worker
KEPT_LONG = dead.KEPT_SECONDS  # once it has mattered, or will: a job may be retried for as long as it is kept
REMEMBERED = 10_000  # mails, in the memory of a process


class Mail:
    """A mail on its way.

    id: the same in every attempt of its job. taken: the addresses for which a server has it, from earlier attempts.
    """

    def __init__(self, id, key, addresses, notes):
        self.id, self.key, self.addresses, self.notes = id, key, addresses, notes
        self.taken = notes.read(key)

    @property
    def missing(self):
        return [address for address in self.addresses if address not in self.taken]

    @property
    def is_another(self):
        return bool(self.taken) and self.taken.isdisjoint(self.addresses)

    def note(self, addresses, answer=""):
        """The server has just taken it for these addresses, and answered this."""
        self.taken |= set(addresses)
        self.notes.write(self.key, self.taken, answer, KEPT_LONG if self.missing else KEPT)


def next_mail(addresses):
    """The mail to `addresses` that the running job is about to send; outside a job, one that nobody asks for again."""
    running = job.current.get()
    if running is None:
        id = str(uuid4())
        return Mail(id, id, addresses, memory)
    notes = notes_of(running)
    while True:
        running.mails += 1
        key = nth(running, running.mails)
        mail = Mail(running.id if running.mails == 1 else key, key, addresses, notes)
        if not mail.is_another:
            return mail


def has_sent():
    """Whether the running job has sent a mail, in this attempt or an earlier one; False outside a job."""
    running = job.current.get()
    return running is not None and bool(notes_of(running).read(nth(running, 1)))


def notes_of(running):
    return shared if running.held else memory


def nth(running, number):
    return f"{running.id}.{number}"


class Shared:
    """Notes in Redis, for jobs that come from there and may go to another worker.

    Redis may be away just now: a mail that is perhaps sent twice is better than one that is not sent.
    """

    def read(self, key):
        try:
            found = commands().command("GETEX", keys.done(key), "EX", KEPT_LONG)
        except redis.RedisError as error:
            logger.warning("whether mail %s was sent before is not known, so it is sent: %s", key, error)
            return set()
        return set(json.loads(found)["mailed"]) if found else set()

    def write(self, key, addresses, answer, seconds):
        noted = {"mailed": sorted(addresses), "answer": answer}
        try:
            commands().command("SET", keys.done(key), json.dumps(noted), "EX", seconds)
        except redis.RedisError as error:
            logger.error("mail %s was sent, which could not be noted: a rerun will send it again: %s", key, error)


class Memory:
    """Notes in this process, where TASK_BACKEND=thread tries a job again, and stock Celery may."""

    def __init__(self):
        self.kept = OrderedDict()

    def read(self, key):
        return set(self.kept.get(key, ()))

    def write(self, key, addresses, answer, seconds):
        self.kept[key] = addresses
        if len(self.kept) > REMEMBERED:
            self.kept.popitem(last=False)


shared, memory = Shared(), Memory()


@cache
def commands():
    return Direct(connect())
