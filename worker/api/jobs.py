"""What queues and sets have in common: pages of jobs, finding one again, searching."""

from typing import NamedTuple

from worker.api.arguments import open_text
from worker.api.connection import MOST
from worker.api.reading import id_of, read, split
from worker.job import Job


class Page(NamedTuple):
    """One page of jobs: those that are next first, of the dead the newest."""

    jobs: list[Job]
    number: int  # from 1
    last: int  # the number of the last page
    total: int  # jobs on all pages


class Found(NamedTuple):
    """What a search found, and how much it looked at."""

    jobs: list[Job]
    scanned: int
    total: int

    @property
    def cut(self):
        """Whether there are jobs that the search did not look at."""
        return self.scanned < self.total


class NotFound(LookupError):
    """A job, process or recurring job that is not there; says where was looked."""

    def __init__(self, text, looked=""):
        """looked: at how many jobs where, when it is a job."""
        super().__init__(text)
        self.looked = looked


class Jobs:
    """Jobs in one place of Redis. `key` is its key, `state` the state of those within."""

    key = state = None

    def size(self):
        raise NotImplementedError

    def slice(self, start, count):
        """Up to `count` entries from `start` on, in the order of pages; an entry is (bytes, place)."""
        raise NotImplementedError

    def near(self, id, at):
        """The entries of this id where it was last seen."""
        raise NotImplementedError

    def scan(self, most):
        """Lists of entries, until all have been seen or `most` of them."""
        raise NotImplementedError

    def page(self, number=1, per=25):
        """The page of this number; the last one when there are not so many."""
        total = self.size()
        last = max(1, -(-total // per))
        number = min(max(1, number), last)
        return Page(self.read(self.slice((number - 1) * per, per)), number, last, total)

    def find(self, id, at=None, most=MOST):
        """The job of this id.

        at: its `place.at` when it was last seen, which finds it without a search. most: how many jobs to look at
        otherwise. Raises NotFound, which says how many were looked at.
        """
        entries = self.near(id, at) if at is not None else []
        scanned = 0
        if not entries:
            for chunk in self.scan(most):
                scanned += len(chunk)
                if entries := [pair for pair in chunk if self.id_of(pair[0]) == id]:
                    break
        if not entries:
            looked = f"{scanned:,} of {max(scanned, self.size()):,} in {self.key}"
            raise NotFound(f"no job {id}: looked at {looked}", looked)
        return self.read(entries[:1])[0]

    def search(self, text, most=MOST):
        """The jobs whose id, task, queue, arguments, tags, error or its message contain `text`, in either case.

        Arguments that are named like secrets are not looked at: who searches must not find them out by trying.
        most: how many jobs to look at.
        """
        total, scanned, jobs = self.size(), 0, []
        for chunk in self.scan(most):
            scanned += len(chunk)
            jobs += [job for job in self.read(chunk) if text.casefold() in searchable(job)]
        return Found(self.sorted(jobs), scanned, max(total, scanned))

    def sorted(self, jobs):
        return jobs

    def read(self, entries):
        return read(self.key, self.state, entries)

    def id_of(self, entry):
        return id_of(split(self.key, self.state, entry)[1])


def searchable(job):
    readable = job.args is not None and job.kwargs is not None
    arguments = open_text(job) if readable else job.raw.decode(errors="replace")
    parts = (job.id, job.task, job.queue, job.error, job.message, *job.tags, arguments)
    return "\n".join(filter(None, parts)).casefold()


def counted(number):
    return f"{number:,} job{'s' * (number != 1)}"
