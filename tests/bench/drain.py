"""How fast a worker empties a full queue of jobs that do nothing: ours with all its guarantees, and its peers."""

import time

from tests.bench.ruby import ACTIVEJOB, SIDEKIQ
from tests.bench.stopwatch import Lap
from tests.bench.subjects import OURS, OURS_INFO, RAILS, SIDEKIQ_25, SIDEKIQ_INFO, STOCK, TASKS, TWO, everybody
from tests.bench.table import Report, at_least, spread

HEADS = ["worker", "jobs/s", "CPU µs a job", "ours, 25 threads, is"]
FROM, TO = 0.9, 0.05  # of the jobs that are left, between which it is timed
COPY = """redis.call('SELECT', ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[2]) end"""

TEXT = """A queue is filled with jobs that do nothing, the worker started, and timed from when 90 % of them are
          left until 5 % are. Everybody drains the same Redis with its log on disk, one after the other, in {rounds}
          rounds; the median counts, and in brackets is what was seen least and most. Processor time is that of the
          worker with its children. Ours is the shipping configuration with the whole app loaded; the others are as
          they come, without an app. Where nothing is said of INFO, all of them log warnings alone."""


def run(place, say):
    drainers = everybody()
    for number, subject in enumerate(drainers, 1):
        subject.database = number
        fill(subject, place)
        say(f"filled the queue of {subject.name}")
    for number in range(place.rounds):
        for subject in drainers:
            rate, cost = drained(subject, place)
            subject.rates.append(rate)
            subject.costs.append(cost * 1e6)
            say(f"round {number + 1}: {subject.name}: {rate:,.0f} jobs/s, {cost * 1e6:,.0f} µs")
    place.redis.flushall()
    return report(drainers, place)


def fill(subject, place):
    """By its own client, and once: each round drains a copy."""
    place.redis.flushdb()
    asked = subject.asked(place)
    asked.ask(subject.action, max(place.times(subject.jobs), 40))
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
        place.kill(*processes)


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


def report(drainers, place):
    rates = {subject.name: subject.rates for subject in drainers}
    made = Report("Drain: jobs that do nothing", TEXT.format(rounds=place.rounds), HEADS)
    for subject in sorted(drainers, key=lambda subject: -subject.rates.median):
        ratio = spread(rates[OURS].over(subject.rates), "×")
        made.rows.append([subject.name, spread(subject.rates), spread(subject.costs), ratio])
        made.bars.append(("no-op jobs a second (more is better)", subject.name, subject.rates.median, subject.is_ours))
    ruby = (SIDEKIQ_25, SIDEKIQ_INFO, RAILS)
    made.goals = goals(rates, [each.name for each in drainers if not each.is_ours and each.name not in ruby])
    return made


def goals(rates, peers):
    fastest = max(peers, key=lambda name: rates[name].median, default="not here")
    sidekiq, rails = SIDEKIQ.version or "not here", ACTIVEJOB.version or "not here"

    def goal(what, times, mine, theirs, of):
        return at_least(f"drain, {what}", times, rates[mine].over(rates[theirs]) if theirs in rates else None, of)

    return [
        goal("25 threads", 12, OURS, STOCK, "stock Celery with 25 threads"),
        goal("25 threads", 2.5, OURS, fastest, f"the fastest Python peer ({fastest})"),
        goal("25 threads", 1, OURS, SIDEKIQ_25, f"Sidekiq -c 25 ({sidekiq})"),
        goal("25 threads, aimed at", 1.2, OURS, SIDEKIQ_25, f"Sidekiq -c 25 ({sidekiq})"),
        goal("25 threads, INFO as shipped", 1, OURS_INFO, SIDEKIQ_INFO, "Sidekiq -c 25 at INFO"),
        goal("25 threads, django.tasks", 2, TASKS, RAILS, f"ActiveJob on Sidekiq -c 25 ({rails})"),
        goal("two processes", 1.6, TWO, OURS, "one process"),
    ]
