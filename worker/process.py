"""This worker process: who it is, what it holds, and how many of its threads are idle."""

import os
import random
import secrets
import socket
import threading
from collections import deque
from itertools import chain
from typing import NamedTuple

from worker import keys
from worker.connection import Outage, connect
from worker.handoff import Handoff
from worker.line import Direct
from worker.metrics import Tally

HOST = os.environ.get("DYNO") or socket.gethostname()
KEPT = 60  # seconds that what a process tells of itself outlives it
OUTCOMES = ("done", "discarded", "expired")  # of a job that is not kept, as worker/lua/fetch.lua counts them
BESIDE = (keys.PROCESSES, keys.ATTEMPTS, keys.DELIVERIES, keys.PAUSED, keys.LEDGER, keys.PROCESSED, keys.FAILED)


class Held(NamedTuple):
    """A job that this process has fetched."""

    tag: int
    queue: str
    message: bytes
    attempts: bytes  # JSON, or empty
    deliveries: int


class Process:
    """What its threads share has no lock on the way of a job: 25 of them would stand in line for it.

    Only a fetch has one, and who finds it taken does not wait for it. Else they append to a deque and take from a dict,
    which are single steps. When a fetch was lost, or found less than it could take, it is Celery's thread that goes on.
    """

    def __init__(self, queues, threads):
        self.queues, self.threads = queues, threads
        self.client = connect()
        self.scripts = Direct(self.client)
        self.fetching = threading.Lock()
        self.moves = Direct(self.client)  # of jobs that failed, behind which a fetch must not wait while Redis hangs
        self.outage = Outage()
        self.changed, self.awaited = threading.Condition(), None
        self.handoff = Handoff()
        self.stopping = self.quiet = False
        self.taken = {}  # tag -> Held, of each thread that is not idle or will not be in a moment
        self.given_up = set()  # tags of jobs that ran past their hard limit: nobody waits for their threads
        self.gave_up = False
        self.paused = frozenset()
        self.running = {}  # tag -> Running
        self.tally = Tally()
        self.next_tag = 1  # goes on after a new name, so that no tag ever means another job
        self.rename()

    def rename(self):
        """Take a new id, and with it an empty inflight: what still runs under the old one is somebody else's by now."""
        self.id = f"{HOST}:{os.getpid()}:{secrets.token_hex(3)}"
        self.inflight = keys.inflight(self.id)
        # tag -> Held: fetched and not finished; and of what is to be handed in (tag, outcome, its id if Redis keeps
        # anything of it). In one place, so that a thread that is in the middle of `finish` uses both of the same name.
        self.books = {}, deque()
        self.in_doubt = False  # whether Redis gave out jobs with an answer that never arrived
        self.dry = True  # the last fetch found less than it could have taken; or there was none under this name

    @property
    def held(self):
        return self.books[0]

    @property
    def finished(self):
        return self.books[1]

    @property
    def idle(self):
        """How many threads have nothing to do."""
        return self.threads - len(self.taken)

    def fetch(self, order):
        """Hand in what is finished, and take as many jobs as threads are idle, from the queues in `order`.

        Returns a list of Held. When it raises a RedisError nothing is lost: the finished are handed in next time, and
        jobs that Redis gave out with an answer that never arrived are put back first.
        """
        with self.fetching:
            if self.in_doubt:
                self.put_back_what_never_arrived()
            return self.exchange(order)

    def exchange(self, order):
        idle = 0 if self.stopping or self.quiet else self.idle
        finished = tuple(self.finished)
        by_outcome = [[tag for tag, outcome, _ in finished if outcome == each] for each in OUTCOMES]
        arguments = [self.id, idle, self.next_tag, *map(len, by_outcome), *chain(*by_outcome)]
        arguments += [job_id for *_, job_id in finished if job_id]
        try:
            found, paused = self.scripts.fetch([self.inflight, *BESIDE, keys.process(self.id), *order], arguments)
            jobs = [
                Held(tag, order[index], message, attempts, int(deliveries))
                for tag, index, message, attempts, deliveries in zip(*[iter(found)] * 5, strict=True)
            ]
            self.paused = frozenset(name.decode() for name in paused)
        except BaseException:  # a signal that ends the worker among them
            self.next_tag += idle + 1
            self.in_doubt = True
            raise
        self.next_tag += len(jobs)
        for _ in finished:
            self.finished.popleft()
        by_tag = {job.tag: job for job in jobs}
        self.taken.update(by_tag)
        self.held.update(by_tag)
        self.dry = not jobs or len(jobs) < idle
        return jobs

    def put_back_what_never_arrived(self):
        names = [self.inflight, keys.process(self.id)]
        given_out = {int(tag) for tag in self.scripts.recover(names, [self.next_tag, KEPT])}
        ours = set(self.held)  # first: `finish` takes a job out of it only when it is among the finished
        ours.update(tag for tag, *_ in tuple(self.finished))
        if lost := sorted(given_out - ours):
            self.scripts.release([self.inflight, keys.LEDGER], lost)
        self.in_doubt = False

    def begin(self):
        """Wait for a job, or fetch some, and return one as Held. For the threads that run jobs."""
        held = self.handoff.get(self.refill)
        self.pass_on()
        return held

    def refill(self):
        """Fetch, if there is a reason and nobody else does; who does looks for one again afterwards."""
        jobs = []
        while not jobs and self.should_fetch() and self.fetching.acquire(blocking=False):
            try:
                if self.should_fetch():
                    jobs = self.exchange(in_order(self.queues))
            except Exception:  # Celery's thread meets it as well if it lasts, and finds out what there is
                self.in_doubt = True
            finally:
                self.fetching.release()
        self.handoff.jobs.extend(jobs)
        self.tell_news()
        return jobs

    def should_fetch(self):
        """Whether a thread that has nothing to do should."""
        return not (self.stopping or self.in_doubt) and (self.finished or not self.dry)

    def pass_on(self):
        """Wake a thread, if there is something to do for one that is idle."""
        if self.handoff.jobs or (self.idle and self.should_fetch()):
            self.handoff.wake()

    def finish(self, held, outcome="done", job_id=None):
        """The job is over: it is handed in with the next fetch. `job_id` if something is kept beside its message."""
        ours, finished = self.books
        if ours.get(held.tag) is held:
            finished.append((held.tag, outcome, job_id))
            ours.pop(held.tag, None)

    def moved(self, held):
        """The job is elsewhere in Redis already: there is nothing to hand in."""
        self.held.pop(held.tag, None)

    def thread_is_idle(self, tag):
        """The thread that had the job of this tag can take another."""
        self.taken.pop(tag)
        self.given_up.discard(tag)
        if self.stopping:
            self.tell_news()

    def give_up(self, running):
        """Nobody waits for the thread of this job any more."""
        self.moved(running.held)
        self.given_up.add(running.held.tag)
        self.gave_up = True
        self.tell_news()

    def runs(self):
        """The jobs that run now."""
        return list(self.running.values())

    def has_news(self):
        """Whether there is something to do for Celery's thread: as long as all goes well those of the jobs fetch."""
        return self.stopping or self.in_doubt or self.dry

    def wait(self, ready, seconds):
        """Until `ready()` is true or the seconds are over; whether it is. For Celery's thread, and no other."""
        with self.changed:
            self.awaited = ready  # before the first look: who changes anything after it sees that somebody waits
            try:
                return self.changed.wait_for(ready, seconds)
            finally:
                self.awaited = None

    def tell_news(self):
        """To who waits for something, if that has come."""
        if (awaited := self.awaited) and awaited():
            with self.changed:
                self.changed.notify_all()

    def drain(self, seconds):
        """Fetch nothing more, and wait until every thread is idle; whether that came to pass in time."""
        self.stopping = True
        self.wait(lambda: set(self.taken) <= self.given_up, seconds)
        return not self.taken

    def leave(self):
        """Hand in what is finished, put back what is not, and take leave. The last act: nothing may run after it."""
        self.stopping = True
        self.fetch([])
        unfinished = sorted(set(self.held) - {tag for tag, *_ in tuple(self.finished)})
        count = self.scripts.release([self.inflight, keys.LEDGER], unfinished) if unfinished else 0
        if self.finished:  # just now
            self.fetch([])
        self.client.zrem(keys.PROCESSES, self.id)
        self.client.delete(keys.process(self.id), keys.work(self.id), keys.signals(self.id))
        return count


def in_order(queues):
    """The names of `{name: weight}` in the order in which to look: as given without weights, else by chance and weight.

    A weight of 3 comes first three times as often as one of 1 (Sidekiq's weighted queues).
    """
    if not all(queues.values()):
        return list(queues)
    return sorted(queues, key=lambda name: random.random() ** (1 / queues[name]), reverse=True)
