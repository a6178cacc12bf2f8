"""The workers whose queues are drained: ours, and its peers as they come."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.bench import asking
from tests.bench.place import PEERS, ROOT, VAR, WORKER, installed
from tests.bench.ruby import ACTIVEJOB, SIDEKIQ
from tests.bench.stopwatch import Figures
from worker import keys


@dataclass
class Subject:
    name: str
    jobs: int  # how many take two or three seconds
    worker: list  # its command
    variables: object  # its environment: place -> dict
    asked: object  # the process that fills the queue: place -> Asked
    queue: str = "default"
    action: str = "single"  # by which that does it
    is_here: bool = True
    is_ours: bool = False
    processes: int = 1
    folder: Path = PEERS
    rates: Figures = field(default_factory=Figures)
    costs: Figures = field(default_factory=Figures)
    database: int = 0  # of Redis, where its full queue is kept

    def left(self, redis):
        """How many jobs are in its queue."""
        if redis.type(self.queue) != b"stream":
            return redis.llen(self.queue)
        (group,) = redis.xinfo_groups(self.queue)
        return group["lag"] + group["pending"]

    def is_whole(self, redis):
        """Whether all of its processes are at work; others than ours have one."""
        return self.processes == 1 or redis.zcard(keys.PROCESSES) == self.processes


def ours(name, jobs, action="bulk", level="INFO", processes=1):
    worker = [*WORKER, "-I", "tests.bench.jobs"]

    def variables(place):
        return place.ours(LOG_LEVEL=level)

    return Subject(
        name, jobs, worker, variables, asking.ours, action=action, processes=processes, is_ours=True, folder=ROOT
    )


def python(name, jobs, module, program, queue="default", environment="peers", **more):
    """environment: of tests/bench/requirements*.txt. more: variables."""

    def variables(place):
        return place.theirs(environment, **more)

    worker = [VAR / environment / "bin" / program[0], *program[1:]]
    asked = partial(asking.peer, module=module, environment=environment, **more)
    return Subject(name, jobs, worker, variables, asked, queue=queue, is_here=installed(environment))


def celery(pool, concurrency, jobs):
    worker = ["celery", "--quiet", "--app", "on_celery", "worker", "--pool", pool, "--concurrency", str(concurrency)]
    return python(f"Celery, {pool} {concurrency}", jobs, "on_celery", worker, "celery")


def ruby(name, jobs, peer, queue, action, level="WARNING"):
    def variables(place):
        return place.theirs(LOG_LEVEL=level)

    asked = partial(asking.ruby, peer=peer)
    return Subject(
        name, jobs, peer.worker(25), variables, asked, queue=queue, action=action, is_here=bool(peer.version)
    )


OURS, OURS_INFO = "ours, 25 threads", "ours, 25 threads, INFO as shipped"
TWO, TWO_INFO = "ours, 2 processes × 25 threads", "ours, 2 processes × 25 threads, INFO"
TASKS, STOCK, RAILS = "ours, django.tasks", "Celery, threads 25", "ActiveJob on Sidekiq, 25 threads"
SIDEKIQ_25, SIDEKIQ_INFO = "Sidekiq, 25 threads", "Sidekiq, 25 threads, INFO as it comes"
DRAMATIQ = ["dramatiq", "on_dramatiq", "--processes", "1", "--threads", "25"]
HUEY = ["huey_consumer", "on_huey.huey", "--workers", "25", "--worker-type", "thread", "--quiet"]
RQ = ["rq", "worker", "--quiet"]
TASKIQ = ["taskiq", "worker", "on_taskiq:broker", "--workers", "1", "--log-level", "WARNING"]


def everybody():
    found = [
        ours(OURS, 20_000, level="WARNING"),
        ours(OURS_INFO, 14_000),
        ours(TWO, 30_000, level="WARNING", processes=2),
        ours(TWO_INFO, 20_000, processes=2),
        ours(TASKS, 18_000, "bulk_nothing", "WARNING"),
        celery("threads", 25, 1_200),
        celery("prefork", 2, 1_200),
        celery("gevent", 25, 1_200),
        celery("solo", 1, 1_200),
        python("Dramatiq, 25 threads", 5_000, "on_dramatiq", DRAMATIQ, "dramatiq:default"),
        python("Huey, 25 threads", 4_500, "on_huey", HUEY, "huey.redis.stock"),
        python("RQ, a process forked for each job", 120, "on_rq", RQ, "rq:queue:default"),
        python("RQ, SimpleWorker", 400, "on_rq", [*RQ, "-w", "rq.worker.SimpleWorker"], "rq:queue:default"),
        python("taskiq, list (no acknowledgement)", 4_500, "on_taskiq", TASKIQ, "taskiq"),
        python("taskiq, stream", 5_000, "on_taskiq", TASKIQ, "taskiq", TASKIQ="stream"),
        python("SAQ, 25 at once", 3_000, "on_saq", ["saq", "on_saq.settings"], "saq:default:queued", "saq"),
        ruby(SIDEKIQ_25, 18_000, SIDEKIQ, "queue:default", "bulk"),
        ruby(SIDEKIQ_INFO, 12_000, SIDEKIQ, "queue:default", "bulk", "INFO"),
        ruby(RAILS, 8_000, ACTIVEJOB, "queue:default", "single"),
    ]
    return [subject for subject in found if subject.is_here]
