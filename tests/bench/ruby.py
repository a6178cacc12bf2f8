"""The Sidekiq of this machine (Debian's `ruby-sidekiq`), with the just-in-time compiler where its Ruby has one."""

import shutil
import subprocess

from tests.bench.place import PEERS


class Sidekiq:
    def __init__(self):
        """version: a line for the tables, or empty when there is no Sidekiq."""
        self.ruby = [shutil.which("ruby") or "ruby", "--yjit"]
        self.version = self.ask()
        if not self.version:
            self.ruby = self.ruby[:1]
            self.version = self.ask()

    def ask(self):
        try:
            asked = subprocess.run([*self.ruby, "on_sidekiq.rb", "version"], cwd=PEERS, capture_output=True, text=True)
        except FileNotFoundError:
            return ""
        return asked.stdout.strip() if asked.returncode == 0 else ""

    def worker(self, threads):
        return [*self.ruby, "-S", "sidekiq", "-r", "./on_sidekiq.rb", "-c", str(threads)]


SIDEKIQ = Sidekiq()
