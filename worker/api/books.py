"""The ledger: whether every job that was accepted is somewhere."""

from itertools import batched
from typing import NamedTuple

from worker import keys
from worker.api.connection import connection, scripts
from worker.api.crew import processes
from worker.api.queue import LOOK_AT, queues
from worker.api.walk import Walk
from worker.reaper import Reaper

PREFIX = keys.inflight("")


class Ledger(NamedTuple):
    """Numbers of jobs, all of one moment. Accepted is the sum of all that follow it, down to `stranded`."""

    accepted: int
    waiting: int
    scheduled: int
    retrying: int
    inflight: int
    dead: int
    done: int
    deleted: int
    discarded: int
    expired: int
    stranded: int  # taken from a queue and in none of these places; less than 0: found more often than taken
    fetched: int  # taken from a queue and not put back into one, or deleted before anybody took them
    orphaned: int  # of those inflight: held by a process that is not registered; another puts them back
    complete: bool  # whether the names of all keys were looked at for further queues; if not, a later call knows more


def ledger(look_at=LOOK_AT):
    """The Ledger of this moment. `look_at`: how many keys to look at for queues that are not known; see `queues`."""
    names = [queue.name for queue in queues(look_at)]
    holders = sorted(inflights.look(look_at))
    places = [keys.LEDGER, keys.SCHEDULE, keys.RETRY, keys.DEAD, keys.PROCESSES, *names, *holders]
    *numbers, counts = scripts().ledger(places, [len(names), PREFIX])
    waiting, scheduled, retrying, dead, inflight, orphaned = numbers
    counted = {name.decode(): int(count) for name, count in batched(counts, 2, strict=True)}
    fetched, *ends = (counted.get(name, 0) for name in ("fetched", "done", "deleted", "discarded", "expired"))
    stranded = fetched - retrying - inflight - dead - sum(ends)
    accepted = waiting + scheduled + fetched
    return Ledger(
        accepted, waiting, scheduled, retrying, inflight, dead, *ends, stranded, fetched, orphaned, inflights.complete
    )


def rescue():
    """Give back the jobs of dead processes now, instead of when a worker next looks; returns how many they held."""
    living = {process.id for process in processes() if process.alive}
    dead = sorted({process.id for process in processes()} - living)
    dead += sorted({name.removeprefix(PREFIX) for name in inflights.look(LOOK_AT)} - living - set(dead))
    count = 0
    for process in dead:
        held = connection().hlen(keys.inflight(process))
        Reaper().bury(process, scripts())
        count += held - connection().hlen(keys.inflight(process))
    return count


inflights = Walk("hash", lambda name: name.startswith(PREFIX), match=f"{PREFIX}*")
