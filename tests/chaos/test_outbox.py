"""Jobs come to be with the transaction that enqueued them, whether or not Redis is there, and the web process stays."""

import random
import signal
import statistics
import time

import pytest

from tests.chaos.report import Tally
from tests.chaos.size import SLACK, WORKERS, sized
from tests.environment import need
from tests.servers import Postgres, until

HELD = 0.6  # seconds that an enqueue may take when Redis is away, and the median of those that know that it is
KNOWING = 0.05

# A web process that is killed when its transaction is over, and before anything is pushed.
KILLED_ON_COMMIT = """
import os, signal
from django.db import transaction
with transaction.atomic():
    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
    for number in range(0, {jobs}, 2):
        run.delay(number)
        run_too.enqueue(number + 1)
"""

databases = pytest.mark.parametrize("database", ["sqlite", "postgres"])


@pytest.mark.parametrize(("how", "number"), [("refused", signal.SIGKILL), ("hung", signal.SIGSTOP)])
def test_an_enqueue_without_redis_is_kept_and_holds_nobody_up(case, how, number):
    crew = case()
    options = ("--backlog", 0, "--pause", 0.02)
    webs = [crew.produce(*options), crew.produce("--first", 1_000_000, "--atomic", *options)]
    until(lambda: {entry.pid for entry in crew.journal("accepted")} == {web.pid for web in webs}, "both to enqueue")
    began = time.monotonic()
    crew.server.go(number)
    webs.append(crew.produce("--first", 2_000_000, *options))
    until(lambda: len([n for n in crew.journal.numbers("accepted") if n >= 2_000_000]) >= 50, "jobs of a third one")
    ended = time.monotonic()
    crew.server.come_back()
    crew.start_several(WORKERS)
    for web in webs:
        web.end()
    crew.settle()
    took = [entry.seconds for entry in crew.journal("accepted") if began < entry.time < ended]
    typical = statistics.median(took)
    tally = crew.report(
        f"7. Redis {how} at enqueue", "took {:.2f} s at most, {:.0f} ms in general", max(took), typical * 1000
    )
    assert not crew.journal("refused")
    assert max(took) <= HELD * SLACK
    assert typical <= KNOWING * SLACK
    assert tally.lost == tally.twice == 0


@databases
def test_what_was_committed_runs_though_the_web_process_is_killed(case, database):
    need(database == "sqlite" or Postgres.binaries, "postgresql")
    crew = case(database=database)
    jobs = sized(20, 100)
    web = crew.python(KILLED_ON_COMMIT.format(jobs=jobs))
    assert web.wait(60) == -signal.SIGKILL, web.log()
    assert crew.left() == {"outbox": jobs}
    for number in range(jobs):
        crew.journal.note("accepted", number)
    crew.start_several(WORKERS)
    kills = sized(2, 20)
    for kill in range(1, kills + 1):
        web = crew.produce("--first", kill * 1_000_000, "--atomic")
        until(lambda web=web: sum(entry.pid == web.pid for entry in crew.journal("accepted")) > 20, "some jobs", 60)
        time.sleep(random.random() / 20)
        web.kill()
    crew.settle()
    committed = {int(name) for (name,) in crew.database.ask("SELECT name FROM auth_group")} | set(range(jobs))
    ran = crew.ran()
    tally = Tally(len(committed), len(set(ran)), len(committed - set(ran)), len(ran) - len(set(ran)))
    undone = len(crew.journal("rolled-back"))
    crew.report(
        f"8. web killed between commit and push, {kills} × at random ({database})",
        "of {} that were rolled back, {} ran",
        undone,
        len(set(ran) - committed),
        tally=tally,
    )
    assert undone
    assert set(ran) == committed
    assert tally.twice == 0


@databases
def test_relays_that_work_at_once_push_each_job_once(case, database):
    need(database == "sqlite" or Postgres.binaries, "postgresql")
    crew = case(database=database)
    jobs = sized(3000, 20_000)
    web = crew.python(KILLED_ON_COMMIT.format(jobs=jobs))
    assert web.wait(120) == -signal.SIGKILL, web.log()
    written = "UPDATE worker_outbox SET created_at = '{}-01-01 00:00:00'"
    crew.database.change(written.format(2100))
    for number in range(jobs):
        crew.journal.note("accepted", number)
    workers = crew.start_several(2 * WORKERS, 10)
    for worker in workers:  # so that all of them look at the same moment, when they go on, and none is taken for dead
        worker.send_signal(signal.SIGSTOP)
    crew.database.change(written.format(2000))
    for worker in workers:
        worker.send_signal(signal.SIGCONT)
    crew.settle()
    relays = sum("relayed" in worker.log() for worker in workers)
    tally = crew.report(f"9. {len(workers)} relays at once ({database})", "{} of them found some", relays)
    assert relays > 1
    assert tally.lost == tally.twice == 0
