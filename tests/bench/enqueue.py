"""What it takes to enqueue a job: one at a time, in a transaction, for later, and in bulk."""

from collections import defaultdict

from tests.bench import asking
from tests.bench.stopwatch import Figures
from tests.bench.table import Report, at_least, at_most, spread
from tests.servers import Postgres

HEADS = ["what", "µs a job", "stock Celery's `apply_async` takes"]
TEXT = """Processes that are warm enqueue in turns, a few hundred jobs at a time, in {rounds} rounds. Ours
logs each job, as it ships, unless it says WARNING; the others log nothing. "The same bytes" are those that
ours sends, here by redis-py's LPUSH without anything else. A transaction is opened, a job enqueued in it by
`django.tasks`, and committed: its row is written, and after the commit pushed and deleted. In bulk are 1,000
in a round trip."""

# process, action, how many at a time, what it is
SINGLE = [
    ("ours", "push", 300, "ours, `client.push`"),
    ("ours", "enqueue", 300, "ours, `task.enqueue` of django.tasks"),
    ("ours", "delay", 300, "ours, `delay` of Celery"),
    ("ours", "lpush", 300, "redis-py, LPUSH of the same bytes"),
    ("quiet", "push", 300, "ours, `client.push`, WARNING"),
    ("quiet", "enqueue", 300, "ours, `task.enqueue`, WARNING"),
    ("quiet", "delay", 300, "ours, `delay`, WARNING"),
    ("quiet", "lpush_and_set", 300, "redis-py, LPUSH and SET of a dedupe key in a pipeline"),
    ("celery", "single", 300, "Celery, `apply_async`"),
    ("dramatiq", "single", 300, "Dramatiq, `send`"),
    ("huey", "single", 300, "Huey"),
    ("rq", "single", 200, "RQ, `enqueue`"),
    ("taskiq", "single", 300, "taskiq, `kiq`"),
    ("saq", "single", 300, "SAQ, `enqueue`"),
    ("sidekiq", "single", 300, "Sidekiq, `perform_async`"),
]
TRANSACTION = [
    ("ours", "transaction", 100, "ours, in a transaction of its own, SQLite"),
    ("ours", "empty", 100, "the same without the job, SQLite"),
    ("postgres", "transaction", 100, "ours, in a transaction of its own, PostgreSQL"),
    ("postgres", "empty", 100, "the same without the job, PostgreSQL"),
]
SCHEDULED = [
    ("ours", "scheduled", 300, "ours, `client.push(seconds=…)`"),
    ("ours", "run_after", 300, "ours, `task.using(run_after=…).enqueue`"),
    ("celery", "scheduled", 300, "Celery, `apply_async(countdown=…)`"),
    ("dramatiq", "scheduled", 300, "Dramatiq, `send_with_options(delay=…)`"),
    ("huey", "scheduled", 300, "Huey, `schedule`"),
    ("rq", "scheduled", 200, "RQ, `enqueue_in`"),
    ("saq", "scheduled", 300, "SAQ, `enqueue(scheduled=…)`"),
    ("sidekiq", "scheduled", 300, "Sidekiq, `perform_in`"),
]
BULK = [
    ("ours", "bulk", 4000, "ours, `client.push_bulk`"),
    ("ours", "lpush_in_bulk", 4000, "redis-py, a pipeline of LPUSHes of the same bytes"),
    ("sidekiq", "bulk", 4000, "Sidekiq, `push_bulk`"),
]
EVERYTHING = [*SINGLE, *TRANSACTION, *SCHEDULED, *BULK]


def run(place, say):
    postgres = Postgres(place.folder / "postgres") if Postgres.binaries else None
    processes = start(place, postgres)
    try:
        return report(measure(place, processes, say), place)
    finally:
        for process in processes.values():
            process.end()
        if postgres:
            postgres.stop()
        place.redis.flushall()


def start(place, postgres):
    processes = {
        "ours": asking.ours(place),
        "quiet": asking.ours(place, LOG_LEVEL="WARNING"),
        "celery": asking.peer(place, "on_celery"),
        "dramatiq": asking.peer(place, "on_dramatiq"),
        "huey": asking.peer(place, "on_huey"),
        "rq": asking.peer(place, "on_rq"),
        "taskiq": asking.peer(place, "on_taskiq"),
        "saq": asking.peer(place, "on_saq", "saq"),
        "sidekiq": asking.sidekiq(place),
    }
    if postgres:
        place.manage("migrate", "--no-input", DATABASE_URL=postgres.url)
        processes["postgres"] = asking.ours(place, DATABASE_URL=postgres.url)
    return {name: process for name, process in processes.items() if process}


def measure(place, processes, say):
    """{what it is: Figures of µs a job}, after a round for everybody to get warm."""
    found = defaultdict(Figures)
    for number in range(place.rounds + 1):
        for name, action, count, what in EVERYTHING:
            if name in processes:
                count = max(place.times(count), 10)
                seconds, _ = processes[name].ask(action, count)
                if number:
                    found[what].append(seconds / count * 1e6)
        place.redis.flushall()
        say(f"round {number} of {place.rounds}")
    return found


def report(found, place):
    stock = found.get(STOCK)
    made = Report("Enqueue", TEXT.format(rounds=place.rounds), HEADS)
    for title, group in (
        ("µs a job, one at a time", SINGLE),
        ("", TRANSACTION),
        ("", SCHEDULED),
        ("µs a job, in bulk", BULK),
    ):
        for _, _, _, what in group:
            if what not in found:
                continue
            made.rows.append([what, spread(found[what]), f"{stock.over(found[what]).median:.1f}×" if stock else "–"])
            if title:
                made.bars.append((title, what.replace("`", ""), found[what].median, what.startswith("ours")))
    made.goals = goals(found)
    return made


PUSH, QUIET_PUSH, BULK_PUSH = SINGLE[0][3], SINGLE[4][3], BULK[0][3]
LPUSH, STOCK = SINGLE[3][3], SINGLE[8][3]


def goals(found):
    def ratio(slow, fast):
        return found[slow].over(found[fast]) if {slow, fast} <= set(found) else None

    return [
        at_least("enqueue, one at a time, INFO as shipped", 4, ratio(STOCK, PUSH), "faster than stock `apply_async`"),
        at_least("enqueue, one at a time, WARNING", 4, ratio(STOCK, QUIET_PUSH), "faster than stock `apply_async`"),
        at_most(
            "enqueue, one at a time, INFO as shipped", 1.25, ratio(PUSH, LPUSH), "a redis-py LPUSH of the same bytes"
        ),
        at_most(
            "enqueue, one at a time, WARNING", 1.25, ratio(QUIET_PUSH, LPUSH), "a redis-py LPUSH of the same bytes"
        ),
        at_least("enqueue in bulk", 60, ratio(STOCK, BULK_PUSH), "faster than stock `apply_async`"),
    ]
