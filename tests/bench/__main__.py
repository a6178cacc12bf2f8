"""`python -m tests.bench [--only drain,mail] [--size tiny] [--to FOLDER]`: measures, prints tables and writes them.

Progress goes to the standard error. A full run of everything is kept in tests/bench/, any other in var/bench/.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

from tests.bench import record
from tests.bench.place import VAR, Place

PARTS = ("drain", "enqueue", "mail", "request", "latency", "size")
SIZES = {"full": (5, 1), "tiny": (1, 0.02)}  # rounds, and the share of the jobs


def main():
    chosen = arguments()
    target = chosen.to or (record.HERE if chosen.only == PARTS and chosen.size == "full" else VAR)
    target.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    reports = [measured(part, *SIZES[chosen.size]) for part in chosen.only]
    print(record.write(reports, target, time.monotonic() - began))
    print(f"written to {target}/RESULTS.md and results.svg", file=sys.stderr)


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast the stack is.")
    parser.add_argument("--only", type=parts, default=PARTS, help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--to", type=Path, help="the folder to write to")
    return parser.parse_args()


def parts(text):
    chosen = tuple(name.strip() for name in text.split(","))
    for name in chosen:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"{name!r} is nothing that is measured: use some of {', '.join(PARTS)}")
    return chosen


def measured(part, rounds, share):
    began = time.monotonic()

    def say(what):
        print(f"{time.monotonic() - began:4.0f} s  {part}: {what}", file=sys.stderr)

    place = Place(VAR / "run" / part, rounds, share)
    try:
        return importlib.import_module(f"tests.bench.{part}").run(place, say)
    except AssertionError as error:  # something did not come
        sys.exit(f"{part}: {error}. The logs are in {place.folder}")
    finally:
        place.end()


if __name__ == "__main__":
    main()
