"""How many mails a worker hands in to an SMTP server, ours and Django's backend in the same worker."""

import smtplib
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import redis
from certifi import where

from tests.bench import asking
from tests.bench.drain import wait
from tests.bench.place import PEERS, ROOT, WORKER
from tests.bench.ruby import ACTIONMAILER
from tests.bench.stopwatch import Figures, Lap
from tests.bench.table import Report, at_least, at_most, spread
from tests.servers import free_port, listening, until

HEADS = ["line", "mailer", "mails/s", "CPU ms a mail", "connections a mail", "ours is"]
TEXT = """`send_mail` with a text and its HTML, queued as the app does it and handed in by a worker of 25
threads as it ships to an SMTP server on this machine that offers PIPELINING. Each of its answers comes 0 or
20 ms after the command, as over a line that is so long; a TLS handshake has no such delay. Django's is
`django.core.mail.backends.smtp.EmailBackend` in the place of our delivering mailer, which connects for each
mail. Processor time is the worker's. In {rounds} rounds, between 90 % of the mails and 5 %."""
FROM, TO = 0.9, 0.05
MAILS, SECONDS = 2500, 2.5  # how many there are to be copied for each round, and what this should take

# Mails for another round; that these were sent before is forgotten.
REFILL = """redis.call('SELECT', ARGV[2])
for _, key in ipairs(redis.call('KEYS', 'done:*')) do redis.call('DEL', key) end
redis.call('SELECT', ARGV[1])
redis.call('COPY', KEYS[1], KEYS[1], 'DB', ARGV[2])
redis.call('SELECT', ARGV[2])
redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)"""


class Line(NamedTuple):
    name: str
    is_safe: bool  # STARTTLS and a login
    milliseconds: int


LINES = [
    Line("plain, 0 ms", False, 0),
    Line("plain, 20 ms", False, 20),
    Line("STARTTLS and login, 0 ms", True, 0),
    Line("STARTTLS and login, 20 ms", True, 20),
]


class Kind(NamedTuple):
    name: str
    command: list
    queue: str
    kept: int  # the database of Redis that has its mails
    producer: object  # place -> Asked
    is_here: bool
    variables: object  # place, more -> its environment


def ours(name, mailer):
    def variables(place, **more):
        return place.ours(DJANGO_SETTINGS_MODULE="tests.bench.settings", BENCH_MAILER=mailer, **more)

    return Kind(name, WORKER, "mailers", 10, asking.ours, True, variables)


def rails():
    def variables(place, **more):
        return place.theirs(**more)

    producer = partial(asking.ruby, peer=ACTIONMAILER)
    return Kind(
        "Rails and Sidekiq",
        ACTIONMAILER.worker(25),
        "queue:mailers",
        11,
        producer,
        bool(ACTIONMAILER.version),
        variables,
    )


OURS, STOCK, RAILS = ours("ours", ""), ours("Django's", "stock"), rails()
KINDS = [kind for kind in (OURS, STOCK, RAILS) if kind.is_here]


class Mailer:
    """A worker with a mailer, on a database of Redis of its own, so that the others can wait beside it."""

    def __init__(self, place, kind, database, smtp):
        self.place, self.kind, self.database, self.jobs = place, kind, database, 100
        self.rates, self.costs, self.connections = Figures(), Figures(), Figures()
        self.redis = redis.Redis(port=place.server.port, db=database)
        self.redis.flushdb()
        url = f"{place.server.url.removesuffix('/0')}/{database}"
        variables = kind.variables(place, REDIS_URL=url, **smtp)
        self.process = place.start(kind.command, variables, PEERS if kind is RAILS else ROOT, name=kind.name)
        until(lambda: self.redis.exists("processes"), f"the worker of {kind.name}")

    def warm_up(self, postbox):
        """Find out how many mails a round takes; 25 at least are under way at once."""
        rate, *_ = self.round(postbox)
        self.jobs = min(max(int(rate * SECONDS * self.place.share), 100), MAILS)

    def measure(self, postbox):
        for figures, measured in zip((self.rates, self.costs, self.connections), self.round(postbox), strict=True):
            figures.append(measured)

    def round(self, postbox):
        """Mails a second, milliseconds of processor time and connections for a mail."""
        before, connections = postbox.count()
        self.redis.eval(REFILL, 1, self.kind.queue, self.kind.kept, self.database, self.jobs)
        wait(lambda: self.left() <= self.jobs * FROM, "mails to go")
        first, lap = self.left(), Lap([self.process.pid])
        wait(lambda: self.left() <= self.jobs * TO, "mails to go")
        done, (seconds, cpu) = first - self.left(), lap.end()
        wait(lambda: postbox.count()[0] - before == self.jobs, f"{self.jobs} mails to arrive")
        wait(lambda: not self.redis.keys("inflight:*"), "the worker to note the last of them")
        return done / seconds, cpu / done * 1000, (postbox.count()[1] - connections) / self.jobs

    def left(self):
        return self.redis.llen(self.kind.queue)

    def end(self):
        self.place.stop(self.process)
        self.redis.close()


class Postbox:
    """The SMTP server, and a connection on which it is asked what it has taken."""

    def __init__(self, place, line, certificate):
        port = free_port()
        files = certificate if line.is_safe else []
        command = [sys.executable, "-m", "tests.bench.postbox", str(port), str(line.milliseconds), *files]
        self.place, self.process = place, place.start(command, place.bare(), name="postbox")
        until(lambda: listening(port), "the SMTP server")
        self.connection = smtplib.SMTP("127.0.0.1", port)
        self.url = f"submission://user:password@127.0.0.1:{port}" if line.is_safe else f"smtp://127.0.0.1:{port}"

    def count(self):
        """(mails, connections) so far."""
        return tuple(map(int, self.connection.docmd("XCOUNT")[1].split()))

    def end(self):
        self.connection.close()
        self.place.stop(self.process)


def certificate(folder):
    """A certificate for this machine, its key, and a file in which the whole world's stand beside it.

    Who builds a TLS context reads all of these, which takes longer than the mail.
    """
    mine, key, all_of_them = folder / "certificate.pem", folder / "key.pem", folder / "all.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *kind, *names, "-keyout", str(key), "-out", str(mine)]
    subprocess.run(command, check=True, capture_output=True)
    all_of_them.write_text(Path(where()).read_text() + mine.read_text())
    return [str(mine), str(key)], str(all_of_them)


def run(place, say):
    files, trusted = certificate(place.folder)
    for kind in KINDS:
        fill(place, kind)
    measured = []
    for line in LINES:
        postbox = Postbox(place, line, files)
        smtp = {"SMTP_URL": postbox.url, "SSL_CERT_FILE": trusted}
        mailers = [Mailer(place, kind, number, smtp) for number, kind in enumerate(KINDS, 1)]
        for mailer in mailers:
            mailer.warm_up(postbox)
        for number in range(place.rounds):
            for mailer in mailers:
                mailer.measure(postbox)
                say(f"round {number + 1}: {line.name}: {mailer.kind.name}: {mailer.rates[-1]:,.0f} mails/s")
        for each in (*mailers, postbox):
            each.end()
        measured.append((line, mailers))
    return report(measured, place)


def fill(place, kind):
    place.redis.flushdb()
    producer = kind.producer(place)
    producer.ask("mail", MAILS)
    producer.end()
    place.redis.copy(kind.queue, kind.queue, kind.kept)


def report(measured, place):
    made = Report("Mail: handed in to an SMTP server", TEXT.format(rounds=place.rounds), HEADS)
    for line, mailers in measured:
        mine = mailers[0]
        for mailer in mailers:
            figures = [spread(each) for each in (mailer.rates, mailer.costs, mailer.connections)]
            made.rows.append([line.name, mailer.kind.name, *figures, spread(mine.rates.over(mailer.rates), "×")])
            made.bars.append(
                (f"mails a second, {line.name} (more is better)", mailer.kind.name, mailer.rates.median, mailer is mine)
            )
        if line.is_safe:
            made.goals += goals(line, {mailer.kind.name: mailer for mailer in mailers})
    return made


def goals(line, mailers):
    what, mine = f"mails/s, {line.name}", mailers[OURS.name]
    theirs = mine.rates.over(mailers[RAILS.name].rates) if RAILS.name in mailers else None
    found = [at_least(what, 8, mine.rates.over(mailers[STOCK.name].rates), "Django's backend in the same worker")]
    found.append(at_least(what, 2.5, theirs, f"Rails and Sidekiq -c 25 ({ACTIONMAILER.version or 'not here'})"))
    if line.milliseconds:
        bound = 25 / (2 * line.milliseconds / 1000)  # threads, and the fewest round trips that a mail can take
        return [*found, at_least(f"{what}, aimed at", bound, mine.rates, "(25 threads ÷ 2 round trips)", "/s")]
    return [*found, at_most(f"CPU for a mail, {line.name}", 2, mine.costs, unit=" ms")]
