"""The sets of jobs that wait for a time, or for somebody: scheduled, retries, dead."""

from collections import defaultdict
from functools import partial
from itertools import batched

from worker import dead as deaths
from worker import keys
from worker.api.connection import CHUNK, MOST, connection, scripts
from worker.api.jobs import Jobs
from worker.job import State


class JobSet(Jobs):
    """A sorted set of jobs. `picked` below are pairs of a job's id and its score, which is its `place.at`."""

    def __init__(self, key, state, newest_first=False):
        self.key, self.state, self.newest_first = key, state, newest_first
        self.fetched = int(key != keys.SCHEDULE)  # whether its jobs have been in a worker, as the ledger counts

    def size(self):
        return connection().zcard(self.key)

    def slice(self, start, count):
        return connection().zrange(self.key, start, start + count - 1, desc=self.newest_first, withscores=True)

    def near(self, id, at):
        return [(entry, at) for entry in self.entries([(id, at)])]

    def scan(self, most):
        cursor, seen = 0, set()
        while len(seen) < most:
            cursor, found = connection().zscan(self.key, cursor, count=CHUNK)
            yield [(entry, score) for entry, score in found if entry not in seen]
            seen.update(entry for entry, _ in found)
            if cursor == 0:
                break

    def sorted(self, jobs):
        return sorted(jobs, key=lambda job: job.place.at, reverse=self.newest_first)

    def run_now(self, picked):
        """Move jobs to their queues; returns how many were still there.

        It spends no attempt: a job that fails again has as many left as before (Sidekiq's SortedEntry#retry).
        """
        return self.requeue(self.entries(picked))

    def kill(self, picked):
        """Move jobs to dead; returns how many were still there. What they failed with last stays known."""
        return self.bury(self.entries(picked))

    def delete(self, picked, undo=None):
        """Delete jobs; returns how many were still there.

        undo: a token under which they are kept for a day (worker/api/bin.py); without it they are gone.
        """
        return self.forget(self.entries(picked), undo)

    def run_all_now(self):
        """Move all that are here now to their queues; returns how many."""
        return self.all(self.requeue)

    def kill_all(self):
        """Move all that are here now to dead; returns how many."""
        return self.all(self.bury)

    def delete_all(self, undo=None):
        """Delete all that are here now; returns how many. `undo` as for `delete`."""
        return self.all(partial(self.forget, undo=undo))

    def entries(self, picked):
        """What stands in Redis of the picked jobs. Of many with one score, the first 10,000 are looked at."""
        wanted = defaultdict(set)
        for id, score in picked:
            wanted[float(score)].add(id)
        entries = []
        for score, ids in wanted.items():
            for start in range(0, MOST, CHUNK):
                chunk = connection().zrangebyscore(self.key, score, score, start=start, num=CHUNK)
                found = [entry for entry in chunk if self.id_of(entry) in ids]
                entries += found
                ids -= {self.id_of(entry) for entry in found}
                if not ids or len(chunk) < CHUNK:
                    break
        return entries

    def all(self, operate):
        """Operate on as many as there are now, the first first: what comes meanwhile is not waited for."""
        left, count = self.size(), 0
        while left > 0 and (entries := connection().zrange(self.key, 0, min(left, CHUNK) - 1)):
            left -= len(entries)
            count += operate(entries)
        return count

    def requeue(self, entries):
        return self.run(scripts().requeue, [keys.ATTEMPTS, keys.LEDGER], [self.fetched], entries)

    def bury(self, entries):
        record = deaths.record("Killed", "somebody killed it before its first attempt", attempt=0)
        return self.run(scripts().kill, [keys.DEAD, keys.ATTEMPTS, keys.LEDGER], [self.fetched, record], entries)

    def forget(self, entries, undo=None):
        kept = [keys.undo(self.key, undo)] if undo else []
        names = [keys.ATTEMPTS, keys.DELIVERIES, keys.LEDGER, *kept]
        return self.run(scripts().delete, names, [self.fetched], entries)

    def run(self, script, names, arguments, entries):
        return sum(script([self.key, *names], [*arguments, *chunk]) for chunk in batched(entries, CHUNK, strict=False))


scheduled = JobSet(keys.SCHEDULE, State.SCHEDULED)
retries = JobSet(keys.RETRY, State.RETRYING)
dead = JobSet(keys.DEAD, State.DEAD, newest_first=True)
