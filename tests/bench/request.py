"""What a job costs the request that enqueues it: a like with its mail, without, and with the mail sent at once."""

from collections import defaultdict
from itertools import chain

from tests.bench.mail import Line, Postbox, certificate
from tests.bench.site import Web, prepare
from tests.bench.stopwatch import Figures
from tests.bench.table import Report, at_most, spread
from tests.servers import Postgres

HEADS = ["database", "the mail", "p50, ms", "p99, ms", "p50 against no job", "requests/s, ten at once"]
TEXT = """Somebody likes photos: POST, session, CSRF token, a transaction with the like and its activity, and
the heart as the answer, from gunicorn with 2 processes of 5 threads as they ship. Queued: a job in the
transaction, which Redis is told of after the commit. None: the same, but what is enqueued is forgotten. In the request:
`TASK_BACKEND=immediate` and an SMTP server with STARTTLS and a login, 20 ms away for each answer. One
request after another, in turns, in {rounds} rounds; which of the first two follows on the mails changes each time. p99
is of all of them. No worker runs meanwhile."""

TURNS = 12  # in each round
# variables, how many alone in each turn, and how many among ten
WAYS = {
    "queued": ({}, 20, 150),
    "none": ({"BENCH_JOBS": "none"}, 20, 150),
    "in the request": ({"TASK_BACKEND": "immediate"}, 1, 20),
}


def run(place, say):
    files, trusted = certificate(place.folder)
    postbox = Postbox(place, Line("", True, 20), files)
    smtp = {"SMTP_URL": postbox.url, "SSL_CERT_FILE": trusted}
    found = {"SQLite": measure(place, say, "SQLite", smtp)}
    if Postgres.binaries:
        postgres = Postgres(place.folder / "postgres")
        try:
            found["PostgreSQL"] = measure(place, say, "PostgreSQL", smtp | {"DATABASE_URL": postgres.url})
        finally:
            postgres.stop()
    postbox.end()
    return report(found, place)


def measure(place, say, database, variables):
    """{way: (lists of milliseconds, one of each round; requests a second)}"""
    sessions = prepare(place, [way.replace(" ", "_") for way in WAYS], **variables)
    webs = {way: Web(place, f"web-{database}-{way}", **variables, **more).ready() for way, (more, *_) in WAYS.items()}
    visitors = {way: web.visitor(sessions[way.replace(" ", "_")]) for way, web in webs.items()}
    alone, rates = defaultdict(list), defaultdict(Figures)
    for visitor in visitors.values():
        visitor.ask("among_ten", 20)
    for number in range(place.rounds):
        for way, milliseconds in by_turns(visitors, place).items():
            alone[way].append(milliseconds)
        for way, (_, _, many) in WAYS.items():
            rates[way].append(place.times(many) / visitors[way].ask("among_ten", place.times(many))[0])
            found = f"p50 {alone[way][-1].median:.1f} ms, {rates[way][-1]:.0f} requests/s"
            say(f"round {number + 1}: {database}, {way}: {found}")
    for visitor in visitors.values():
        visitor.end()
    place.stop(*[web.process for web in webs.values()])
    return {way: (alone[way], rates[way]) for way in WAYS}


def by_turns(visitors, place):
    """{way: milliseconds}, measured a few at a time, since what is compared differs by less than two minutes do. Each
    of the two follows on the mails as often as the other: these leave the processor's caches empty."""
    found = {way: Figures() for way in WAYS}
    queued, none, mailed = WAYS
    for turn in range(TURNS):
        for way in (none, queued, mailed) if turn % 2 else (queued, none, mailed):
            _, few, _ = WAYS[way]
            found[way] += visitors[way].ask("alone", place.times(few))[1]
    return found


def report(found, place):
    made = Report("Request: a like", TEXT.format(rounds=place.rounds), HEADS)
    for database, ways in found.items():
        halves = {way: Figures(each.median for each in alone) for way, (alone, _) in ways.items()}
        for way, (alone, rates) in ways.items():
            most = Figures(chain(*alone)).share(0.99)
            against = halves[way].over(halves["none"])
            made.bars.append(
                (
                    f"ms for a like at p50, {database} (less is better)",
                    f"its mail: {way}",
                    halves[way].median,
                    way == "queued",
                )
            )
            made.rows.append([database, way, spread(halves[way]), f"{most:.1f}", spread(against, "×"), spread(rates)])
        goal = at_most(f"request that enqueues, p50, {database}", 1.1, halves["queued"].over(halves["none"]))
        goal.goal = "≤ 10 % more than the same request without the job"
        made.goals.append(goal)
    return made
