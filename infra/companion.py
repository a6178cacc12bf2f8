"""A worker beside gunicorn, for a site that is one machine: `WORKER_IN_WEB=1`. After Solid Queue's plugin for Puma.

gunicorn's master starts one, however many processes serve pages, starts it again when it ends, and stops it when it is
stopped itself. The worker is the same as on a machine of its own, with two threads unless WORKER_CONCURRENCY says more.
"""

import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from functools import cache

from infra import procfile

logger = logging.getLogger(__name__)

THREADS = 2
LONGEST = 30  # seconds between two starts of a worker that ends each time
PATIENCE = 28  # seconds after the first signal until the worker is killed; a PaaS kills everything after 30


@cache
def companion():
    """The one of this process: gunicorn reads its configuration anew when it is told to (SIGHUP)."""
    return Companion()


class Companion(threading.Thread):
    def __init__(self):
        super().__init__(name="companion", daemon=True)
        self.master = os.getpid()
        self.command = [
            sys.executable,
            "-m",
            "infra.tether",
            str(self.master),
            *shlex.split(procfile.commands()["worker"]),
        ]
        self.environment = {"WORKER_CONCURRENCY": str(THREADS)} | {k: v for k, v in os.environ.items() if v}
        self.environment.pop("PROMETHEUS_MULTIPROC_DIR", None)  # which is about requests
        self.child, self.stopped_at = None, None
        self.stopping = threading.Event()

    def begin(self):
        """Start it, and have it stop with gunicorn: at once, not when the last request is answered."""
        self.launch()  # here, since gunicorn forks soon, and not in the middle of this
        self.start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self.before(signal.getsignal(number)))

    def before(self, handler):
        def handle(number, frame):
            self.tell()
            handler(number, frame)

        return handle

    def run(self):
        failures, began = 0, time.monotonic()
        while True:
            self.child.wait()
            failures = 0 if time.monotonic() - began > LONGEST else failures + 1
            wait = min(2**failures / 2, LONGEST)
            if self.stopping.is_set():
                return
            logger.warning("the worker beside web has ended; starting it again in %g s", wait)
            self.stopping.wait(wait)
            began = time.monotonic()
            try:
                self.launch()
            except OSError as error:  # no memory, say; the one that has ended has ended still
                logger.error("the worker beside web cannot be started: %s", error)

    def launch(self):
        self.child = subprocess.Popen(self.command, env=self.environment)
        if self.stopping.is_set():  # meanwhile
            self.child.terminate()

    def tell(self):
        """Have the worker finish what it runs, put back the rest and end."""
        # A child of gunicorn has this handler for a moment, until it sets its own.
        # Nor twice: another signal in the middle of `set` would wait for it.
        if self.stopped_at is None and os.getpid() == self.master:
            self.stopped_at = time.monotonic()
            self.stopping.set()
            if self.child and self.child.poll() is None:
                self.child.terminate()

    def end(self):
        """Wait until the worker has ended."""
        self.tell()
        self.join(max(self.stopped_at + PATIENCE - time.monotonic(), 0))
        if self.is_alive():
            logger.error("the worker beside web did not end within %d s: killed", PATIENCE)
            self.child.kill()
