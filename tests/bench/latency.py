"""How long a job waits for a thread that is idle, and how late is one that is for later."""

from tests.bench import asking
from tests.bench.place import WORKER
from tests.bench.stopwatch import Figures
from tests.bench.table import Report, at_most, spread
from tests.servers import until

HEADS = ["load", "p50, ms", "p99, ms", "most, ms"]
TEXT = """From the moment before the push until the job's first line, by the clock of the machine that both
share, in {rounds} rounds with a worker of 25 threads as it ships. Idle: a job every 15 ms in general, by
chance. Half load: 250 jobs a second that take 50 ms each, which is half of what 25 threads can do. For
later: jobs that are due 1 to 3 s after they were pushed, all of them at once; what is shown is how long
after that they began."""

# action, how many, what it is
LOADS = [("now_and_then", 300, "idle"), ("busy", 750, "half load"), ("later", 300, "for later")]
IDLE = "enqueue → start, idle"


def run(place, say):
    told = place.folder / "told"
    told.touch()
    place.start([*WORKER, "-I", "tests.bench.jobs"], place.ours(BENCH_TOLD=str(told)))
    producer = asking.ours(place)
    producer.ask("now_and_then", 20)
    until(lambda: len(told.read_text().split()) == 20, "the worker")
    found = {name: [] for _, _, name in LOADS}
    for number in range(place.rounds):
        for action, count, name in LOADS:
            found[name].append(waits(producer, told, action, place.times(count)))
            say(f"round {number + 1}: {name}: p50 {found[name][-1].median:.2f} ms")
    producer.end()
    return report(found, place)


def waits(producer, told, action, count):
    """Milliseconds that each job waited."""
    told.write_text("")
    producer.ask(action, count)
    until(lambda: told.read_text().count("\n") == count, f"{count} jobs")
    return Figures(float(line) * 1000 for line in told.read_text().split())


def report(found, place):
    made = Report("Latency: from the push to the start", TEXT.format(rounds=place.rounds), HEADS)
    parts = {}
    for name, rounds in found.items():
        half, most = Figures(each.median for each in rounds), Figures(each.share(0.99) for each in rounds)
        parts[name] = half, most
        made.rows.append([name, spread(half), spread(most), spread(Figures(map(max, rounds)))])
    half, most = parts["idle"]
    made.goals = [at_most(f"{IDLE}, p50", 2, half, unit=" ms"), at_most(f"{IDLE}, p99", 10, most, unit=" ms")]
    return made
