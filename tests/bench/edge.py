"""POST /hooks/example by Django and by the edge, and an empty 204 of the same nginx: `python -m tests.bench.edge`.

Each server has one core to itself; wrk and Redis share the other. Every request is a message of its own, signed before.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import redis

from tests.servers import Stack
from tests.stack.nginx import WRITTEN, Nginx, headers

SERVER, CLIENT = "0", "1"  # cores
CONNECTIONS = 32
ROUNDS = 3
SECONDS = 4
BODY = b'{"type": "invoice.paid", "data": {"id": "in_1", "amount": 4200, "note": "%s"}}' % (b"x" * 200)
EMPTY = "location = /empty { return 204; }"

SCRIPT = """
local requests, n = {}, 0
function init()
  local file = io.open(os.getenv("MESSAGES"))
  local head, tail = file:read("*l"):gsub("|", "\\r\\n"), file:read("*l"):gsub("|", "\\r\\n")
  for line in file:lines() do
    local id, signature = line:match("(%S+) (%S+)")
    requests[#requests + 1] = head .. id .. "\\r\\nwebhook-signature: " .. signature .. tail
  end
end
function request()
  n = n + 1
  if n > #requests then error("there are too few messages") end
  return requests[n]
end
"""


class Row(NamedTuple):
    what: str
    rate: float  # requests/s
    p50: float  # ms
    p99: float
    cpu: float  # µs of the server for each


def run(rounds=ROUNDS):
    """A Row for Django, for the edge and for the empty 204: of the round with the median rate."""
    for program in ("wrk", "taskset", "nginx"):
        if not shutil.which(program):
            sys.exit(f"{program} is missing: apt-get install wrk nginx libnginx-mod-http-lua lua-cjson")
    with tempfile.TemporaryDirectory(prefix="kickstand-bench-") as folder:
        return measured(Path(folder), rounds)


def measured(folder, rounds):
    environment = {
        "HOOK_EXAMPLE_SECRET": WRITTEN,
        "HOOK_RATE": "1000000",
        "LOG_LEVEL": "WARNING",
        "WEB_CONCURRENCY": "1",
    }
    site = Stack(folder / "stack", DEMO="0", **environment)
    site.manage("migrate")
    site.start("redis")
    os.sched_setaffinity(0, {int(SERVER)})
    site.start("web")
    (site.folder / "infra/edge/routes/empty.conf").write_text(EMPTY)
    edge = Nginx(site, HOOK_RATE="1000000")
    os.sched_setaffinity(0, {int(CLIENT)})
    try:
        cases = {
            "an empty 204 of nginx": (f"{edge.url}/empty", edge.process.pid, 600_000),
            "the hook at the edge": (f"{edge.url}/hooks/example", edge.process.pid, 300_000),
            "the hook in Django": (f"{site.url}/hooks/example", site.processes["web"].pid, 30_000),
        }
        found = {what: [] for what in cases}
        for _ in range(rounds):
            for what, (url, pid, messages) in cases.items():
                found[what].append(measure(what, site, url, pid, messages))
    finally:
        edge.stop()
        site.stop()
    return [sorted(rows, key=lambda row: row.rate)[len(rows) // 2] for rows in found.values()]


def measure(what, site, url, pid, messages):
    """One run of wrk. Raises AssertionError when a request was not answered well, or its job is not there."""
    (site.folder / "wrk.lua").write_text(SCRIPT)
    sign(site.folder / "messages", url, messages)
    with redis.from_url(site.environment["REDIS_URL"]) as jobs:
        jobs.flushdb()
        before = cpu(pid)
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", site.folder / "wrk.lua", url]
        environment = os.environ | {"MESSAGES": str(site.folder / "messages")}
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        spent = cpu(pid) - before
        count = int(re.search(r"(\d+) requests in", told)[1])
        assert "Non-2xx" not in told, told
        assert "Socket errors" not in told, told
        if "/hooks/" in url:
            assert count <= jobs.llen("default") <= count + CONNECTIONS, (count, jobs.llen("default"))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
    return Row(what, rate, milliseconds(told, 50), milliseconds(told, 99), spent / count * 1e6)


def sign(path, url, count):
    """Write what the script reads: what stands before and after the id and signature of each message, and these."""
    at, run = str(int(time.time())), uuid4().hex[:8]
    path_of_url = url.partition("://")[2].partition("/")[2]
    head = f"POST /{path_of_url} HTTP/1.1|Host: localhost|webhook-timestamp: {at}|webhook-id: "
    tail = f"|Content-Type: application/json|Content-Length: {len(BODY)}||{BODY.decode()}"
    with path.open("w") as file:
        file.write(f"{head}\n{tail}\n")
        for number in range(count):
            signed = headers(BODY, id=f"msg_{run}_{number}", at=at)
            file.write(f"{signed['webhook-id']} {signed['webhook-signature']}\n")


def milliseconds(told, percent):
    number, unit = re.search(rf"\b{percent}%\s+([\d.]+)(us|ms|s)", told).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def cpu(pid):
    """Seconds that a process and its children have used."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in pids]
    return sum(int(words[11]) + int(words[12]) for words in fields) / os.sysconf("SC_CLK_TCK")


def table(rows):
    """The rows in Markdown."""
    empty, edge, django = rows
    lines = ["| | requests/s | p50 | p99 | CPU for each |", "| --- | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {row.what} | {row.rate:,.0f} | {row.p50:.2f} ms | {row.p99:.2f} ms | {row.cpu:.0f} µs |" for row in rows
    ]
    lines += [
        "",
        f"The edge does {edge.rate / django.rate:.1f} × the requests of Django, and {edge.rate / empty.rate:.0%}",
    ]
    lines[-1] += " of the empty ones."
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(run()))
