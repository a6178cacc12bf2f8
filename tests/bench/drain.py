"""How fast a worker empties a full queue of jobs that do nothing: ours with all its guarantees, and its peers."""

import sys
import time
from dataclasses import dataclass, field

from tests.bench import asking
from tests.bench.place import PEERS, ROOT, VAR, installed
from tests.bench.ruby import SIDEKIQ
from tests.bench.stopwatch import Figures, Lap
from tests.bench.table import Report, at_least, spread
from worker import keys

HEADS = ["worker", "jobs/s", "CPU µs a job", "ours, 25 threads, is"]
FROM, TO = 0.9, 0.05  # of the jobs that are left, between which it is timed
COPY = """redis.call('SELECT', ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[2]) end"""

TEXT = """A queue is filled with jobs that do nothing, the worker started, and timed from the moment when 90
% of them are left until 5 % are. Everybody drains the same Redis with its log on disk, one after the other,
in {rounds} rounds; the median counts, and in brackets is what was seen least and most. Processor time is
that of the worker with its children. Ours is the shipping configuration with the whole app loaded; the
others are as they come, without an app."""


@dataclass
class Subject:
    name: str
    jobs: int  # how many take two or three seconds
    worker: list  # its command
    asked: object  # makes the process that fills the queue: place -> Asked or None
    queue: str = "default"
    action: str = "single"
    processes: int = 1
    folder: object = PEERS
    environment: str = "peers"  # of tests/bench/requirements*.txt, "" for ours, "ruby"
    more: dict = field(default_factory=dict)  # variables
    rates: Figures = field(default_factory=Figures)
    costs: Figures = field(default_factory=Figures)
    database: int = 0  # of Redis, where its full queue is kept

    @property
    def is_here(self):
        return {"": True, "ruby": bool(SIDEKIQ.version)}.get(self.environment) or installed(self.environment)

    def variables(self, place):
        if self.environment in ("peers", "saq"):
            return place.theirs(self.environment, **self.more)
        return place.theirs(**self.more) if self.environment else place.ours(**self.more)

    def is_whole(self, redis):
        """Whether all of its processes are at work; others than ours have one."""
        return self.processes == 1 or redis.zcard(keys.PROCESSES) == self.processes

    def left(self, redis):
        if redis.type(self.queue) != b"stream":
            return redis.llen(self.queue)
        (group,) = redis.xinfo_groups(self.queue)
        return group["lag"] + group["pending"]


def ours(name, jobs, action="bulk", level="INFO", processes=1):
    worker = [sys.executable, "-m", "celery", "--quiet", "--app", "worker", "worker", "-I", "tests.bench.jobs"]
    return Subject(
        name, jobs, worker, asking.ours, action=action, processes=processes, folder=ROOT, environment="",
        more={"LOG_LEVEL": level},
    )  # fmt: skip


def theirs(name, jobs, module, program, queue="default", environment="peers", **more):
    program = [VAR / environment / "bin" / program[0], *program[1:]]
    return Subject(
        name, jobs, program, lambda place: asking.peer(place, module, environment, **more),
        queue=queue, environment=environment, more=more,
    )  # fmt: skip


def sidekiq(name, jobs, threads, level="WARNING"):
    return Subject(
        name, jobs, SIDEKIQ.worker(threads), asking.sidekiq, queue="queue:default", action="bulk", environment="ruby",
        more={"LOG_LEVEL": level},
    )  # fmt: skip


def celery(pool, concurrency, jobs):
    worker = ["celery", "--quiet", "--app", "on_celery", "worker", "--pool", pool, "--concurrency", str(concurrency)]
    return theirs(f"Celery, {pool} {concurrency}", jobs, "on_celery", worker, "celery")


OURS, OURS_INFO, TWO = "ours, 25 threads", "ours, 25 threads, INFO as shipped", "ours, 2 processes × 25 threads"
TASKS, TWO_INFO = "ours, django.tasks", "ours, 2 processes × 25 threads, INFO"
STOCK, SIDEKIQ_25, SIDEKIQ_INFO = "Celery, threads 25", "Sidekiq, 25 threads", "Sidekiq, 25 threads, INFO as it comes"
HUEY = ["huey_consumer", "on_huey.huey", "--workers", "25", "--worker-type", "thread", "--quiet"]
TASKIQ = ["taskiq", "worker", "on_taskiq:broker", "--workers", "1", "--log-level", "WARNING"]


def subjects():
    return [
        ours(OURS, 24_000, level="WARNING"),
        ours(OURS_INFO, 16_000),
        ours(TWO, 36_000, level="WARNING", processes=2),
        ours(TWO_INFO, 24_000, processes=2),
        ours(TASKS, 20_000, "bulk_nothing", "WARNING"),
        celery("threads", 25, 1_500),
        celery("prefork", 2, 1_500),
        celery("gevent", 25, 1_500),
        celery("solo", 1, 1_500),
        theirs("Dramatiq, 25 threads", 6_000, "on_dramatiq",
               ["dramatiq", "on_dramatiq", "--processes", "1", "--threads", "25"], "dramatiq:default"),
        theirs("Huey, 25 threads", 5_000, "on_huey", HUEY, "huey.redis.stock"),
        theirs("RQ, a process forked for each job", 120, "on_rq", ["rq", "worker", "--quiet"], "rq:queue:default"),
        theirs("RQ, SimpleWorker", 1_500, "on_rq",
               ["rq", "worker", "--quiet", "-w", "rq.worker.SimpleWorker"], "rq:queue:default"),
        theirs("taskiq, list (no acknowledgement)", 6_000, "on_taskiq", TASKIQ, "taskiq"),
        theirs("taskiq, stream", 6_000, "on_taskiq", TASKIQ, "taskiq", TASKIQ="stream"),
        theirs("SAQ, 25 at once", 4_000, "on_saq", ["saq", "on_saq.settings"], "saq:default:queued", "saq"),
        sidekiq(SIDEKIQ_25, 20_000, 25),
        sidekiq(SIDEKIQ_INFO, 12_000, 25, "INFO"),
    ]  # fmt: skip


def run(place, say):
    everybody = [subject for subject in subjects() if subject.is_here]
    for number, subject in enumerate(everybody, 1):
        subject.database = number
        fill(subject, place)
        say(f"filled the queue of {subject.name}")
    for number in range(place.rounds):
        for subject in everybody:
            rate, cost = drained(subject, place)
            subject.rates.append(rate)
            subject.costs.append(cost * 1e6)
            say(f"round {number + 1}: {subject.name}: {rate:,.0f} jobs/s, {cost * 1e6:,.0f} µs")
    place.redis.flushall()
    return report(everybody, place)


def fill(subject, place):
    """By its own client, and once: each round drains a copy."""
    place.redis.flushdb()
    asked = subject.asked(place)
    asked.ask(subject.action, place.times(subject.jobs))
    asked.end()
    place.redis.eval(COPY, 0, 0, subject.database)


def drained(subject, place):
    """Jobs a second, and seconds of processor time for a job."""
    place.redis.flushdb()
    place.redis.eval(COPY, 0, subject.database, 0)
    jobs = subject.left(place.redis)
    variables = subject.variables(place)
    processes = [place.start(subject.worker, variables, subject.folder) for _ in range(subject.processes)]
    try:
        return timed(subject, place.redis, jobs, processes)
    finally:
        place.stop(*processes)


def timed(subject, redis, jobs, processes):
    def left():
        for process in processes:
            assert process.poll() is None, f"{subject.name} ended: see {process.log}"
        return subject.left(redis)

    wait(lambda: left() <= jobs * FROM and subject.is_whole(redis), f"{subject.name} to begin")
    first, lap = left(), Lap([process.pid for process in processes])
    wait(lambda: left() <= jobs * TO, f"{subject.name} to end")
    last, (seconds, cpu) = left(), lap.end()
    done = first - last
    return done / seconds, cpu / done


def wait(condition, what, seconds=60):
    """`until` looks 20 times a second, which is too coarse for this."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.01)


def report(everybody, place):
    rates = {subject.name: subject.rates for subject in everybody}
    made = Report("Drain: jobs that do nothing", TEXT.format(rounds=place.rounds), HEADS)
    for subject in sorted(everybody, key=lambda subject: -subject.rates.median):
        ratio = spread(rates[OURS].over(subject.rates), "×")
        made.rows.append([subject.name, spread(subject.rates), spread(subject.costs), ratio])
        made.bars.append(("jobs/s, one after the other", subject.name, subject.rates.median, not subject.environment))
    made.goals = goals(rates, [subject.name for subject in everybody if subject.environment in ("peers", "saq")])
    return made


def goals(rates, peers):
    fastest = max(peers, key=lambda name: rates[name].median, default="the fastest Python peer")

    def ratio(mine, theirs):
        return rates[mine].over(rates[theirs]) if theirs in rates else None

    return [
        at_least("drain, one process, 25 threads", 12, ratio(OURS, STOCK), f"stock {STOCK}"),
        at_least("drain, one process, 25 threads", 2.5, ratio(OURS, fastest), f"the fastest Python peer ({fastest})"),
        at_least(
            "drain, one process, 25 threads",
            1.2,
            ratio(OURS, SIDEKIQ_25),
            f"Sidekiq -c 25 ({SIDEKIQ.version or 'not here'})",
        ),
        at_least("drain, at INFO as shipped", 1, ratio(OURS_INFO, SIDEKIQ_INFO), "Sidekiq -c 25 at INFO"),
        at_least("drain, two processes", 1.6, ratio(TWO, OURS), "one process"),
    ]
