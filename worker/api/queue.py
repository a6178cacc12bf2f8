"""The queues: what waits in each, for how long, and who listens."""

import secrets
from typing import NamedTuple

from worker import config, keys
from worker.api.connection import CHUNK, clock, connection, scripts
from worker.api.crew import processes
from worker.api.jobs import Jobs
from worker.api.reading import read
from worker.api.walk import Walk
from worker.job import State

UNDO_SECONDS = 60
NEAR = 100  # jobs on both sides of where one was last seen
LOOK_AT = 10_000  # keys of Redis


class Summary(NamedTuple):
    """A queue at a glance."""

    name: str
    size: int
    latency: float | None  # seconds that its oldest job has waited; None when it is empty, or its producer gave no time
    paused: bool
    listeners: int  # processes that live, are not quiet, and take jobs from it

    @property
    def unheard(self):
        """Whether there are jobs that nobody will take."""
        return self.size > 0 and self.listeners == 0


class Cleared(NamedTuple):
    """What `Queue.clear` has deleted; the token puts it back."""

    size: int
    token: str


def queues(look_at=LOOK_AT, crew=None):
    """A Summary of each queue, by name: those that a process listens to, of WORKER_QUEUES, or that are paused; and
    every other list in Redis that is not ours, since anybody can push to any name.

    look_at: how many keys of Redis to look at for those others. The next call in this process goes on where this one
    ended and all that were found are remembered, so that a page which is asked for again soon shows them all. None
    looks at all keys now, which reads the name of every key of Redis. crew: what `processes` says, if that is known.
    """
    living = [process for process in (processes() if crew is None else crew) if process.alive and not process.quiet]
    listened = [name for process in living for name in process.queues]
    paused = {name.decode(errors="replace") for name in connection().smembers(keys.PAUSED)}
    known = {*config.QUEUES, *listened, *paused}
    names = sorted(known | others.look(look_at))
    pipe = connection().pipeline(transaction=False)
    for name in names:
        pipe.llen(name).lindex(name, -1)
    answers = iter(pipe.execute())
    found = [(name, size, oldest) for name, size, oldest in zip(names, answers, answers, strict=True)]
    waited = latencies([oldest for _, _, oldest in found if oldest])
    return [
        Summary(name, size, waited.get(oldest), name in paused, listened.count(name))
        for name, size, oldest in found
        if size or name in known
    ]


def latencies(messages):
    """{message: seconds that it has waited, or None when its producer gave no time}, for messages in queues.

    A job that has failed waits since its last failure: when it came back to its queue is not known.
    """
    jobs, now = read("", State.WAITING, [(message, -1) for message in messages]), clock()
    since = {job.raw: max(filter(None, (job.enqueued_at, job.eta, job.failed_at)), default=None) for job in jobs}
    return {message: moment and max(0, now - moment) for message, moment in since.items()}


others = Walk("list", lambda name: not keys.is_ours(name))


class Queue(Jobs):
    """A queue, whether or not there is anything in it. `picked` are pairs of a job's id and its `place.at`."""

    state = State.WAITING

    def __init__(self, name):
        self.name = self.key = name

    def size(self):
        return connection().llen(self.name)

    def latency(self):
        """How long the oldest job has waited, in seconds; None when there is none, or its producer gave no time."""
        oldest = connection().lindex(self.name, -1)
        return latencies([oldest])[oldest] if oldest else None

    def slice(self, start, count):
        found = connection().lrange(self.name, -(start + count), -(start + 1))
        return [(entry, -(start + number)) for number, entry in enumerate(reversed(found), 1)]

    def near(self, id, at):
        start = max(0, -at - NEAR)
        return [(entry, place) for entry, place in self.slice(start, 2 * NEAR) if self.id_of(entry) == id]

    def scan(self, most):
        for start in range(0, most, CHUNK):
            chunk = self.slice(start, CHUNK)
            yield chunk
            if len(chunk) < CHUNK:
                break

    def delete(self, picked, undo=None):
        """Delete jobs; returns how many were still there, near where they were seen.

        undo: a token under which they are kept for a day (worker/api/bin.py); without it they are gone.
        """
        count, size = 0, self.size()
        names = [self.name, keys.ATTEMPTS, keys.DELIVERIES, keys.LEDGER]
        names += [keys.undo(self.name, undo)] if undo else []
        for id, at in picked:
            for entry, place in self.near(id, at)[:1]:
                end, distance = (-1, -place) if -place <= size / 2 else (1, size + place)
                count += scripts().delete_waiting(names, [end, distance + NEAR, entry])
        return count

    def clear(self, seconds=UNDO_SECONDS):
        """Delete all jobs in one step, however many; for so many seconds `undo` brings them back."""
        token = secrets.token_urlsafe(9)
        size = scripts().clear([self.name, keys.undo(self.name, token), keys.LEDGER], [seconds])
        return Cleared(size, token)

    def undo(self, token):
        """Put back what `clear` deleted, in front of what came meanwhile; returns how many jobs, 0 when it is too late.

        When this ends in the middle nothing is lost: the token stays good without a limit, and a second call goes on.
        """
        names = [self.name, keys.undo(self.name, token), keys.LEDGER]
        more, count = scripts().undo(names, [CHUNK])
        while more:
            more, _ = scripts().undo(names, [CHUNK])
        return count

    def pause(self):
        """Let nobody take jobs from it, until it is resumed; those that run go on."""
        connection().sadd(keys.PAUSED, self.name)

    def resume(self):
        connection().srem(keys.PAUSED, self.name)
