"""What it takes to enqueue a job: one at a time, in a transaction, for later, and in bulk."""

from collections import defaultdict

from tests.bench import asking
from tests.bench.ruby import ACTIVEJOB, SIDEKIQ
from tests.bench.stopwatch import Figures
from tests.bench.table import Report, at_least, at_most, spread
from tests.servers import Postgres

HEADS = ["what", "µs a job", "stock Celery's `apply_async` takes"]
TEXT = """Processes that are warm enqueue in turns, a hundred jobs at a time, in {rounds} rounds. Ours
logs each job, as it ships, unless it says WARNING; the others log nothing. "The same bytes" are those that
ours sends, here by redis-py's LPUSH without anything else. A transaction is opened, a job enqueued in it by
`django.tasks`, and committed: its row is written, Redis is told after the commit, and the row deleted a
second later. In bulk are 1,000 in a round trip."""

PUSH, QUIET_PUSH, BULK_PUSH = "ours, `client.push`", "ours, `client.push`, WARNING", "ours, `client.push_bulk`"
LPUSH, STOCK = "redis-py, LPUSH of the same bytes", "Celery, `apply_async`"

# process, action, how many at a time, what it is
SINGLE = [
    ("ours", "push", 300, PUSH),
    ("ours", "enqueue", 100, "ours, `task.enqueue` of django.tasks"),
    ("ours", "delay", 100, "ours, `delay` of Celery"),
    ("ours", "lpush", 300, LPUSH),
    ("quiet", "push", 300, QUIET_PUSH),
    ("quiet", "enqueue", 100, "ours, `task.enqueue`, WARNING"),
    ("quiet", "delay", 100, "ours, `delay`, WARNING"),
    ("quiet", "lpush_and_set", 100, "redis-py, LPUSH and SET of a dedupe key"),
    ("celery", "single", 300, STOCK),
    ("dramatiq", "single", 100, "Dramatiq, `send`"),
    ("huey", "single", 100, "Huey"),
    ("rq", "single", 100, "RQ, `enqueue`"),
    ("taskiq", "single", 100, "taskiq, `kiq`"),
    ("saq", "single", 100, "SAQ, `enqueue`"),
    ("sidekiq", "single", 100, "Sidekiq, `perform_async`"),
    ("activejob", "single", 100, "ActiveJob on Sidekiq, `perform_later`"),
]
TRANSACTION = [
    ("ours", "transaction", 40, "ours, in a transaction of its own, SQLite"),
    ("ours", "empty", 40, "the same without the job, SQLite"),
    ("postgres", "transaction", 40, "ours, in a transaction of its own, PostgreSQL"),
    ("postgres", "empty", 40, "the same without the job, PostgreSQL"),
]
SCHEDULED = [
    ("ours", "scheduled", 100, "ours, `client.push(seconds=…)`"),
    ("ours", "run_after", 100, "ours, `task.using(run_after=…).enqueue`"),
    ("celery", "scheduled", 100, "Celery, `apply_async(countdown=…)`"),
    ("dramatiq", "scheduled", 100, "Dramatiq, `send_with_options(delay=…)`"),
    ("huey", "scheduled", 100, "Huey, `schedule`"),
    ("rq", "scheduled", 100, "RQ, `enqueue_in`"),
    ("saq", "scheduled", 100, "SAQ, `enqueue(scheduled=…)`"),
    ("sidekiq", "scheduled", 100, "Sidekiq, `perform_in`"),
]
BULK = [
    ("ours", "bulk", 4000, BULK_PUSH),
    ("ours", "lpush_in_bulk", 2000, "redis-py, LPUSHes of the same bytes"),
    ("sidekiq", "bulk", 2000, "Sidekiq, `push_bulk`"),
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
        "sidekiq": asking.ruby(place, SIDEKIQ),
        "activejob": asking.ruby(place, ACTIVEJOB),
    }
    if postgres:
        place.manage("migrate", "--no-input", DATABASE_URL=postgres.url)
        processes["postgres"] = asking.ours(place, DATABASE_URL=postgres.url)
    return {name: process for name, process in processes.items() if process}


def measure(place, processes, say):
    """{what it is: Figures of µs a job}, after a round for everybody to get warm."""
    found = defaultdict(Figures)
    for number in range(rounds(place) + 1):
        for name, action, count, what in EVERYTHING:
            if name in processes:
                count = max(place.times(count), 10)
                seconds, _ = processes[name].ask(action, count)
                if number:
                    found[what].append(seconds / count * 1e6)
        place.redis.flushall()
        say(f"round {number} of {rounds(place)}")
    return found


def rounds(place):
    """Many short ones: whatever else the machine does then hits few of them."""
    return 3 * place.rounds


def report(found, place):
    made = Report("Enqueue", TEXT.format(rounds=rounds(place)), HEADS)
    for _, _, _, what in EVERYTHING:
        if what in found:
            ratio = spread(found[STOCK].over(found[what]), "×") if STOCK in found else "–"
            made.rows.append([what, spread(found[what]), ratio])
    made.bars = [*bars("one at a time", SINGLE, found), *bars("in bulk", BULK, found)]
    made.goals = goals(found)
    return made


def bars(how, group, found):
    medians = [(found[what].median, what) for _, _, _, what in group if what in found]
    for median, what in sorted(medians):
        yield f"µs to enqueue a job, {how} (less is better)", what.replace("`", ""), median, what.startswith("ours")


def goals(found):
    def ratio(slow, fast):
        return found[slow].over(found[fast]) if {slow, fast} <= set(found) else None

    one, bulk = "enqueue, one at a time, where neither logs", found.get(BULK_PUSH)
    return [
        at_least(one, 4, ratio(STOCK, QUIET_PUSH), "faster than stock `apply_async`"),
        at_most(one, 1.25, ratio(QUIET_PUSH, LPUSH), "a redis-py LPUSH of the same bytes"),
        at_least("enqueue in bulk", 60, ratio(STOCK, BULK_PUSH), "faster than stock `apply_async`"),
        at_most("enqueue in bulk", 13, bulk, "a job", " µs"),
    ]
