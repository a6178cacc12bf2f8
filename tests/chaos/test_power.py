"""A power cut takes what was not on disk yet: with `appendfsync everysec` that is not nothing."""

import os
import random
import re
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from signal import SIGKILL

from tests.chaos.size import WORKERS, sized
from tests.servers import until


def test_what_a_power_cut_takes_with_everysec(case):
    """Redis dies, and its log is cut back to what was on disk for certain: jobs may be lost, but only the very last."""
    crew = case("--appendfsync", "everysec")
    producer = crew.produce()
    crew.start_several(WORKERS)
    crew.run_some_more()
    disk = Disk(crew)
    disk.start()
    until(lambda: len(disk.flushes) > sized(4, 20), "some flushes of the log", 60)
    time.sleep(random.random())
    crew.server.stop(SIGKILL)
    cut = time.monotonic()
    disk.join()
    flushed = disk.cut_back()
    crew.server.start()
    crew.run_some_more()
    producer.end()
    crew.settle()
    figure = "the log was flushed every {:.1f} s, the last {:.1f} s were cut off"
    tally = crew.report("3. power cut, `appendfsync everysec`", figure, disk.gap(), cut - flushed)
    assert crew.lost() <= set(crew.journal.numbers("accepted", since=flushed))
    assert tally.run > 0


class Disk(threading.Thread):
    """Watches how much of Redis' log is on disk: a thread of Redis' own flushes it, about once a second."""

    def __init__(self, crew):
        super().__init__(daemon=True)
        tasks = Path(f"/proc/{crew.server.process.pid}/task").iterdir()
        self.flusher = next(task for task in tasks if (task / "comm").read_text().startswith("bio_aof"))
        self.log = next(crew.folder.glob("redis/appendonlydir/*.incr.aof"))
        self.flushes = [(0.0, 0)]  # when each began, and the size of the log by then

    def run(self):
        with suppress(OSError):  # Redis is dead
            wakes = self.wakes()
            while True:
                moment, size = time.monotonic(), self.log.stat().st_size
                time.sleep(0.01)
                if wakes != (wakes := self.wakes()) and moment - self.flushes[-1][0] > 0.8:  # it wakes at the end, too
                    self.flushes.append((moment, size))

    def wakes(self):
        return re.search(r"^voluntary.*", (self.flusher / "status").read_text(), re.MULTILINE).group()

    def gap(self):
        """The longest time between two flushes."""
        return max(later - earlier for (earlier, _), (later, _) in pairwise(self.flushes[1:]))

    def cut_back(self):
        """To the last flush but one, since another began after it; returns when that was."""
        moment, size = self.flushes[-2]
        os.truncate(self.log, size)
        return moment
