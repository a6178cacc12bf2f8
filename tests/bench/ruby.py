"""The Sidekiq of this machine (Debian's `ruby-sidekiq`), with the just-in-time compiler where its Ruby has one."""

import shutil
import subprocess

from tests.bench.place import PEERS, Place


class Ruby:
    """A peer in tests/bench/peers. `version` is a line for the tables, empty when it is not installed."""

    def __init__(self, module):
        self.module = module
        self.ruby = [shutil.which("ruby") or "ruby", "--yjit"]
        self.version = self.ask()
        if not self.version:
            self.ruby = self.ruby[:1]
            self.version = self.ask()

    def ask(self):
        command = [*self.ruby, self.module, "version"]
        try:
            asked = subprocess.run(command, cwd=PEERS, env=Place.bare(), capture_output=True, text=True)
        except FileNotFoundError:
            return ""
        return asked.stdout.strip() if asked.returncode == 0 else ""

    def worker(self, threads):
        return [
            *self.ruby,
            "-S",
            "sidekiq",
            "-r",
            f"./{self.module}",
            "-c",
            str(threads),
            "-q",
            "default",
            "-q",
            "mailers",
        ]


SIDEKIQ, ACTIVEJOB, ACTIONMAILER = Ruby("on_sidekiq.rb"), Ruby("on_activejob.rb"), Ruby("on_actionmailer.rb")
