"""Recurring jobs, whoever dies."""

import random
import time
from signal import SIGKILL

from tests.chaos.report import Tally
from tests.chaos.size import SLACK, WORKERS, sized
from tests.chaos.ticks import EVERY
from tests.servers import until


def test_a_tick_fires_once_with_four_workers_and_kills(case):
    ticks, crew = sized(3, 40), case()
    crew.start_several(4, 2, tasks="tests.chaos.ticks")
    fires = fired(crew, 1)
    while len(fires) < ticks:
        crew.end(random.choice(crew.workers), SIGKILL)
        crew.start(2, tasks="tests.chaos.ticks")
        fires = fired(crew, len(fires) + 1)
    until(lambda: not missing(fired(crew, 0)), "the last tick of who was killed", 60)
    fires = fired(crew, 0)
    expected = len(fires) + missing(fires)
    again = len(crew.journal("tick")) - len(fires)
    tally = Tally(expected, len(fires), expected - len(fires), again)

    crew.kill_all()
    missed = 4
    time.sleep(missed * EVERY)
    crew.start_several(2 * WORKERS, 2, tasks="tests.chaos.ticks")
    up = time.monotonic()
    made_up = fired(crew, len(fires) + 1)[len(fires)]
    time.sleep(EVERY)
    after = [fire.seconds for fire in fired(crew, 0)[len(fires) :]]
    late = max(0.0, made_up.time - up)
    figure = "{} missed ticks made up for by one, {:.1f} s after workers were back"
    crew.report("15. ticks of a recurring job, 4 workers, one killed for each", figure, missed, late, tally=tally)
    assert len(fires) == expected
    assert again <= ticks  # a job whose worker was killed at the end of it
    assert late <= 1 * SLACK
    # What was missed, once; then a tick each time, however long the last of the workers took to start.
    assert len(after) <= 2 + (max(after) - min(after)) // EVERY


def missing(fires):
    """How many ticks there are none of between the first and the last, by when they were enqueued."""
    ticks = {int(fire.seconds // EVERY) for fire in fires}
    return max(ticks) - min(ticks) + 1 - len(ticks)


def fired(crew, count):
    """The first run of each tick, once there are `count`."""

    def runs():
        first = {}
        for entry in crew.journal("tick"):
            first.setdefault(entry.number, entry)
        return list(first.values())

    until(lambda: len(runs()) >= count, f"{count} ticks", 60)
    return runs()
