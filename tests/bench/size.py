"""What the processes take: memory, connections to Redis, bytes for a job that waits, and time to start."""

import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from tests.bench import asking
from tests.bench.place import MEASURES, WORKER
from tests.bench.ruby import SIDEKIQ
from tests.bench.site import Web, prepare
from tests.bench.sockets import Count
from tests.bench.stopwatch import Figures, family
from tests.bench.table import Goal, Report, at_most, spread
from tests.servers import Postgres, until
from worker import keys

HEADS = ["what", "measured", ""]
TEXT = """After {likes} likes, ten at once, whose mails the worker has delivered to /letters/, on {database}
and one Redis. PSS counts what processes share once, so it is what a machine has to have; RSS counts it for
each. Connections are the most that Redis listed meanwhile, those of the cache included. Bytes are what
`used_memory` grew by for each of 5,000 jobs that wait, with all that is kept beside them. From the start of
the command, {rounds} times, with the files in the page cache."""


def run(place, say):
    postgres = Postgres(place.folder / "postgres") if Postgres.binaries else None
    try:
        variables = {"DATABASE_URL": postgres.url} if postgres else {}
        made = Report("Size", "", HEADS)
        likes = place.times(600)
        made.text = TEXT.format(likes=likes, rounds=place.rounds, database=("PostgreSQL" if postgres else "SQLite"))
        sessions = prepare(place, ["pair", "dyno", "small"], **variables)
        for part in (pair, dyno, waiting, starts):
            say(part.__name__)
            part(place, made, variables, sessions)
        image(made)
        return made
    finally:
        if postgres:
            postgres.stop()


def pair(place, made, variables, sessions):
    """Web and a worker, as on two machines."""
    web = Web(place, **variables).ready()
    worker = place.start(WORKER, place.ours(**variables), name="worker")
    until(lambda: place.redis.zcard(keys.PROCESSES), "the worker")
    count = Count(place.redis, MEASURES, web=web.process, worker=worker)
    busy(place, web, sessions["pair"], count)
    rows = [("web, 2 processes × 5 threads", web.process), ("worker, 25 threads, the whole app", worker)]
    sizes = {name: memory(process.pid) for name, process in rows}
    made.rows += [[name, f"{rss:.0f} MB RSS", f"{pss:.0f} MB PSS"] for name, (rss, pss) in sizes.items()]
    made.rows.append(["both", "", f"{sum(pss for _, pss in sizes.values()):.0f} MB PSS"])
    made.rows.append(["connections to Redis, web 2 × 5 and worker 25", count.most, str(count)])
    rss = Figures([sizes["worker, 25 threads, the whole app"][0]])
    made.goals.append(at_most("worker with 25 threads and the whole app, RSS", 110, rss, unit=" MB"))
    made.goals.append(at_most("Redis connections, web 2 × 5 and worker 25", 12, Figures([count.most]), unit=""))
    place.stop(web.process, worker)


def dyno(place, made, variables, sessions):
    """Both on one machine: `WORKER_IN_WEB`, with its two threads and with 25."""
    for name, session, more in (
        ("two threads, as shipped", "small", {}),
        ("25 threads", "dyno", {"WORKER_CONCURRENCY": "25"}),
    ):
        web = Web(place, WORKER_IN_WEB="1", **variables, **more).ready()
        until(lambda: place.redis.zcard(keys.PROCESSES), "the worker")
        count = Count(place.redis, MEASURES)
        busy(place, web, sessions[session], count)
        rss, pss = memory(web.process.pid)
        made.rows.append([f"web with its worker (`WORKER_IN_WEB`), {name}", f"{rss:.0f} MB RSS", f"{pss:.0f} MB PSS"])
        made.rows.append([f"connections to Redis, {name}", count.most, ""])
        place.stop(web.process)
    spare = Figures([512 - pss])
    goal = Goal(
        "web 2 × 5 and a worker of 25 threads in a dyno of 512 MB",
        "≥ 150 MB to spare",
        spread(spare, " MB"),
        spare.median >= 150,
    )
    made.goals.append(goal)


def busy(place, web, session, count):
    """Likes, until all that they made has been done, while the clients of Redis are counted."""
    over = threading.Event()

    def look():
        while not over.wait(0.05):
            count.look()

    watch = threading.Thread(target=look)
    watch.start()
    visitor = web.visitor(session)
    visitor.ask("among_ten", place.times(600))
    visitor.end()
    until(lambda: not place.redis.llen("mailers") and not any_in_flight(place.redis), "the jobs", 60)
    over.set()
    watch.join()


def any_in_flight(redis):
    return any(redis.hlen(key) for key in redis.scan_iter("inflight:*"))


def memory(pid):
    """(RSS, PSS) of a process and its children, in MB."""
    totals = {"Rss": 0, "Pss": 0}
    for each in family(pid):
        for name, kilobytes in re.findall(
            r"^(Rss|Pss): +(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text(), re.MULTILINE
        ):
            totals[name] += int(kilobytes) / 1024
    return totals["Rss"], totals["Pss"]


def waiting(place, made, variables, sessions):
    count = place.times(5000)
    for name, process in (
        ("ours", asking.ours(place)),
        ("Celery", asking.peer(place, "on_celery")),
        ("Dramatiq", asking.peer(place, "on_dramatiq")),
        ("RQ", asking.peer(place, "on_rq")),
        ("Sidekiq", asking.ruby(place, SIDEKIQ)),
    ):
        if process:
            process.ask("single" if name != "ours" else "push", 1)
            place.redis.flushall()
            before = place.redis.info("memory")["used_memory"]
            process.ask("single" if name != "ours" else "push", count)
            grown = (place.redis.info("memory")["used_memory"] - before) / count
            made.rows.append([f"a no-op job that waits, {name}", f"{grown:,.0f} bytes", ""])
            process.end()
    place.redis.flushall()


def starts(place, made, variables, sessions):
    """From the command until it answers, or has run a job."""
    found = {"web": Figures(), "worker": Figures(), "pages": Figures()}
    for _ in range(place.rounds):
        began = time.monotonic()
        web = Web(place, **variables)
        while not web.answers("/healthz"):
            time.sleep(0.01)
        found["web"].append(time.monotonic() - began)
        while not web.answers("/readyz"):
            time.sleep(0.01)
        found["pages"].append(time.monotonic() - began)
        place.stop(web.process)
        found["worker"].append(first_job(place, variables))
    made.rows.append(["web, from its start to /healthz", spread(found["web"], " s"), ""])
    made.rows.append(["web, from its start to /readyz", spread(found["pages"], " s"), ""])
    made.rows.append(["worker, from its start to the first job", spread(found["worker"], " s"), ""])
    made.goals.append(at_most("cold start of web until it is ready", 2, found["pages"], unit=" s"))
    made.goals.append(at_most("cold start of a worker until a job has run", 2, found["worker"], unit=" s"))


def first_job(place, variables):
    told = place.folder / "first"
    told.unlink(missing_ok=True)
    producer = asking.ours(place, **variables)
    producer.ask("tell", 1)
    producer.end()
    began = time.monotonic()
    worker = place.start(
        [*WORKER, "-I", "tests.bench.jobs"], place.ours(BENCH_TOLD=str(told), **variables), name="worker"
    )
    while not (told.exists() and told.read_text()):
        assert worker.poll() is None, f"the worker ended: see {worker.log}"
        time.sleep(0.005)
    took = time.monotonic() - began
    place.stop(worker)
    return took


def image(made):
    found = ""
    if shutil.which("docker"):
        command = ["docker", "image", "inspect", "kickstand", "--format", "{{.Size}}"]
        found = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    shown = (
        f"{int(found) / 1e6:.0f} MB"
        if found
        else "not measured: there is no image `kickstand` here, `docker compose build` makes it"
    )
    made.rows.append(["image", shown, ""])
