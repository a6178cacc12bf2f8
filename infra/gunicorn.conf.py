"""How web is served, on a laptop, in Compose and on a PaaS."""

import itertools
import os
import shutil
import socket
import tempfile
from pathlib import Path

from prometheus_client import values

from infra.companion import companion
from worker import env, log

debug = env.boolean("DEBUG")
port = env.integer("PORT", 8000)

# In DEBUG pages show settings and source, so they are for this machine alone.
if debug:
    bind = f"127.0.0.1:{port}"
else:
    bind = f"[::]:{port}" if socket.has_dualstack_ipv6() else f"0.0.0.0:{port}"

worker_class = "infra.patience.Worker"  # gthread
workers = env.integer("WEB_CONCURRENCY", 1 if debug else 2)  # one that reloads is enough
threads = env.integer("WEB_THREADS", 5)
reload = debug
preload_app = not debug

# What may stand before the body: these are the largest that a browser with our cookies needs.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190

graceful_timeout = 20  # a PaaS kills 30 s after SIGTERM
keepalive = 95  # longer than the proxy in front keeps its own connections, so that it never meets a closed one
if Path("/dev/shm").is_dir():
    worker_tmp_dir = "/dev/shm"  # the heartbeat file: on a busy disk it would make a healthy worker look hung
control_socket_disable = True

logconfig_dict = log.settings()
log.capture()

worker_in_web = companion() if env.boolean("WORKER_IN_WEB") else None

# What each process counts for /metrics is in a file here, which the others read.
counts = Path("/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()) / f"kickstand-{os.getuid()}-{port}"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(counts)


def when_ready(server):
    """The port is ours by now, so nobody else is in this folder."""
    shutil.rmtree(counts, ignore_errors=True)
    counts.mkdir(mode=0o700)
    if worker_in_web:
        worker_in_web.begin()


def on_exit(server):
    if worker_in_web:
        worker_in_web.end()
    shutil.rmtree(counts, ignore_errors=True)


def pre_fork(server, worker):
    """A worker goes on with the file of one that has ended: so counts never fall, and files do not pile up."""
    taken = {each.place for each in server.WORKERS.values()}
    worker.place = next(place for place in itertools.count() if place not in taken)


def post_fork(server, worker):
    log.write_together()
    values.ValueClass = values.MultiProcessValue(lambda: worker.place)
