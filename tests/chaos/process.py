"""A process with a log of its own."""

import signal
import subprocess

from tests.servers import ROOT


class Process(subprocess.Popen):
    def __init__(self, path, command, environment, **options):
        self.path = path
        with path.open("a") as log:
            super().__init__(command, cwd=ROOT, env=environment, stdout=log, stderr=log, **options)

    def log(self):
        return self.path.read_text()

    def ready(self):
        """Whether it is a worker that takes jobs."""
        assert self.poll() is None, f"a worker ended at its start:\n{self.log()[-5000:]}"
        return "worker ready" in self.log()

    def end(self, number=signal.SIGTERM):
        self.send_signal(number)
        self.wait(60)
