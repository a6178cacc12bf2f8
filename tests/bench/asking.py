"""Processes that do what they are asked for, and tell how long it took."""

import json
import subprocess
import sys
from contextlib import suppress

from tests.bench.place import PEERS, ROOT, VAR, installed

ASKED = [sys.executable, "-m", "tests.bench.peers.asked"]


class Asked:
    """A process that loads a module with actions and stays, so that what is asked of it in turns finds it warm."""

    def __init__(self, place, command, environment, folder):
        self.log = (place.folder / "asked.log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log,
        )  # fmt: skip

    def ask(self, action, count):
        """Have it do the action so many times: (seconds, what the action returned)."""
        answer = ""
        with suppress(BrokenPipeError):  # it has ended; then there is no answer either
            self.process.stdin.write(f"{action} {count}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{' '.join(map(str, self.process.args))} failed: see {self.log.name}")
        return json.loads(answer)

    def end(self):
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.log.close()


def asked(place, module, **more):
    """A process of ours that loads this module."""
    return Asked(place, [*ASKED, module], place.ours(**more), ROOT)


def ours(place, **more):
    return asked(place, "tests.bench.ours", **more)


def peer(place, module, environment="peers", **more):
    """The peer of a module of tests/bench/peers, or None when its environment was not made."""
    if not installed(environment):
        return None
    python = VAR / environment / "bin" / "python"
    return Asked(place, [python, "asked.py", module], place.theirs(environment, **more), PEERS)


def ruby(place, peer):
    """SIDEKIQ or ACTIVEJOB of tests/bench/ruby.py, or None where it is not installed."""
    return Asked(place, [*peer.ruby, peer.module], place.theirs(LOG_LEVEL="WARNING"), PEERS) if peer.version else None
