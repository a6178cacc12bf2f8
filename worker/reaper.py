"""Gives the jobs of dead processes back to their queues."""

import logging
import time

from worker import dead, keys

logger = logging.getLogger(__name__)

SILENCE = 15  # seconds without a sign of life after which a process is dead
ORPHANS = 600  # seconds between looks for what no process holds, which reads the name of every key
POISON = 3  # a job whose process died this often with it is not given to another


class Poison(Exception):
    """A job that is thought to kill its process."""


class Reaper:
    def __init__(self):
        self.answered_since = self.looked_for_orphans = None

    def no_answer(self):
        """Redis was away, so the living were as silent as the dead: nobody is dead until it answered for a SILENCE."""
        self.answered_since = None

    def rescue(self, client, scripts):
        now = time.monotonic()
        self.answered_since = self.answered_since or now
        if now - self.answered_since < SILENCE:
            return
        known = {name.decode(): last for name, last in client.zrange(keys.PROCESSES, 0, -1, withscores=True)}
        clock = float("{}.{:06d}".format(*client.time()))
        dead_processes = {name for name, last in known.items() if clock - last >= SILENCE}
        if self.looked_for_orphans is None or now - self.looked_for_orphans > ORPHANS:
            self.looked_for_orphans = now
            found = client.scan_iter(keys.inflight("*"), count=1000, _type="hash")
            dead_processes |= {key.decode().removeprefix("inflight:") for key in found} - known.keys()
        for process in dead_processes:
            self.bury(process, scripts)

    def bury(self, process, scripts):
        names = [keys.inflight(process), keys.PROCESSES, keys.DELIVERIES, keys.DEAD, keys.ATTEMPTS, keys.LEDGER]
        poison = Poison(f"its process died {POISON} times while it ran")
        back, poisoned = scripts.rescue(names, [process, SILENCE, POISON, dead.record_of(poison, POISON)])
        logger.warning("process %s is dead: %d jobs put back, %d poisoned", process, back, len(poisoned))
        for held in poisoned:
            queue, message = held.split(b"\n", 1)
            dead.tell(queue.decode(), message, poison)
