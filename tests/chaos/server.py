"""The Redis of a case: the embedded Valkey, or the redis-server of this machine."""

import re
import shutil
import signal
import subprocess

from infra.redis_server import CONF
from tests.chaos.size import FULL
from tests.servers import Redis, listening, until

EMBEDDED = "embedded"


def kinds():
    """What each case runs against: the full run takes the redis-server on the PATH as well, if it is 7 or newer."""
    return [EMBEDDED, "redis-server"] if FULL and installed() >= 7 else [EMBEDDED]


def installed():
    """The major version of the redis-server on the PATH, or 0."""
    if not (path := shutil.which("redis-server")):
        return 0
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"v=(\d+)", version).group(1))


class Server(Redis):
    def __init__(self, kind, folder, *options):
        self.kind = kind
        super().__init__(folder, *options)

    def start(self, *more):
        """Start it, with `more` options this time; it may still be loading its data afterwards."""
        if self.kind == EMBEDDED:
            options, self.options = self.options, (*self.options, *more)
            super().start()
            self.options = options
            return
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--loglevel", "warning"]
        command = ["redis-server", str(CONF), *options, *self.options, *more]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(lambda: listening(self.port), "Redis")

    def go(self, number):
        """Be away from now on: dead or, with SIGSTOP, hung."""
        if number == signal.SIGSTOP:
            self.process.send_signal(number)
        else:
            self.stop(number)

    def come_back(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        else:
            self.start()
