"""Where the benchmark happens: a folder, a Redis, variables that no .env changes, and the environments of the peers."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import redis

from infra.procfile import commands
from infra.redis_server import CONF
from tests.bench.stopwatch import family
from tests.servers import ROOT, Redis, listening, until

VAR = ROOT / "var" / "bench"
PEERS = ROOT / "tests" / "bench" / "peers"
WORKER, GUNICORN = (shlex.split(commands()[name]) for name in ("worker", "web"))
MEASURES = "bench"  # the name of our own connections
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def installed(environment="peers"):
    """Whether `make bench` has made the environment of the peers: `peers`, or `saq`, which wants an older redis-py."""
    return (VAR / environment / "bin" / "python").exists()


class JobsRedis(Redis):
    """The redis-server of this machine, else the embedded one, as it ships: what is acknowledged is in its log."""

    server = shutil.which("redis-server")

    def start(self):
        if not self.server:
            super().start()
            return
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--loglevel", "warning"]
        self.process = subprocess.Popen([self.server, str(CONF), *place, *self.options], **QUIET)
        until(lambda: listening(self.port), "Redis")


class Place:
    """A folder with a Redis and a database; `rounds` and `share` say how much is measured."""

    def __init__(self, folder, rounds, share):
        self.folder, self.rounds, self.share = folder, rounds, share
        shutil.rmtree(folder, ignore_errors=True)
        # A rewrite of the log in the middle would be charged to whoever is measured then.
        self.server = JobsRedis(folder / "redis", "--databases", "64", "--auto-aof-rewrite-percentage", "0")
        self.redis = redis.Redis(port=self.server.port, client_name=MEASURES)
        self.started = []
        self.manage("migrate", "--no-input")

    def times(self, count):
        """So many of something in a full run; fewer in a small one."""
        return max(int(count * self.share), 1)

    def ours(self, **more):
        """Variables of our processes, as they ship but for where things are."""
        return self.bare() | {
            "REDIS_URL": self.server.url,
            "CACHE_URL": f"{self.server.url.removesuffix('/0')}/63",
            "DATABASE_URL": f"sqlite:///{self.folder}/db.sqlite3",
            "SECRET_KEY": "for the benchmark",
            "DJANGO_SETTINGS_MODULE": "web.settings",
            **more,
        }

    def theirs(self, environment="peers", **more):
        bare = self.bare(VAR / environment / "bin")
        return bare | {"REDIS_URL": self.server.url, "REDIS_PORT": str(self.server.port), **more}

    @staticmethod
    def bare(programs=Path(sys.executable).parent):
        gems = (
            {"GEM_PATH": os.environ["GEM_PATH"]} if os.environ.get("GEM_PATH") else {}
        )  # another Sidekiq than Debian's
        return gems | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }

    def manage(self, *arguments, **more):
        self.run([sys.executable, "manage.py", *arguments], self.ours(**more))

    def run(self, command, environment, folder=ROOT):
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} failed: {ended.stdout}{ended.stderr}")
        return ended.stdout

    def start(self, command, environment, folder=ROOT, name="log"):
        """A process whose output goes to a file, as the leader of a session, so that its children can be found."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        process.log = self.folder / f"{name}.log"
        self.started.append(process)
        return process

    def kill(self, *processes):
        """At once, with their children, where nobody cares for what they leave behind."""
        for pid in family(*[process.pid for process in processes]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in processes:
            process.wait()
            self.started.remove(process)

    def stop(self, *processes):
        for process in processes:
            process.terminate()
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # itself, and what it has left behind
            process.wait()
            self.started.remove(process)

    def end(self):
        self.stop(*self.started)
        self.redis.close()
        self.server.stop()
