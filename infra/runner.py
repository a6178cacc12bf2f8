"""`make run`: the processes of the Procfile on one machine, each restarted when it dies, with one log.

What the environment or .env says wins; the rest is chosen here: DEBUG, a secret, and a Redis of its own. The choices
are kept in var/env, where manage.py finds them. After Foreman, plus what it leaves out: restarts, order, reloading.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from infra import procfile, secret, tether
from infra.reload import code
from worker import env

ROOT = env.ROOT
VAR = ROOT / "var"
COLOURS = {"redis": 35, "web": 36, "worker": 33}
CHOICES = VAR / "env"
PATIENCE = 30  # seconds that all processes together have to stop


def main():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit())
    lock = only_one()  # noqa: F841  (held until the process ends)
    own_redis = choose()
    commands = procfile.commands()
    processes = []
    try:
        if own_redis:
            processes.append(Process("redis", commands["redis"]))
            wait_for_redis(processes[0])
        prepare(commands["release"])
        processes += [Process(name, commands[name]) for name in ("web", "worker")]
        threading.Thread(target=announce, daemon=True).start()
        watch(processes)
    finally:
        stop(processes)


def only_one():
    VAR.mkdir(exist_ok=True)
    lock = (VAR / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"make run is running in {ROOT} already; stop it first")
    return lock


def is_running():
    """Whether `make run` is at work here, and so whether what it has chosen holds."""
    if not (VAR / "lock").exists():
        return False
    with (VAR / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def choose():
    """Fill in what the environment leaves open, and say whether that includes a Redis of our own."""
    env.load(ROOT / ".env")
    own_redis = not (env.text("REDIS_URL") or env.text("REDIS_PROVIDER"))
    port = env.integer("PORT", 8000)
    if not is_free(port):
        sys.exit(f"port {port} is in use: choose another with PORT={port + 1} make run")
    chosen = {"PORT": str(port), "DEBUG": "1", "SITE_URL": f"http://localhost:{port}"}
    if not env.text("SECRET_KEY"):
        secret.make(VAR / "secret_key")
        chosen["SECRET_KEY_FILE"] = str(VAR / "secret_key")
    if own_redis:
        chosen["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    chosen = {name: value for name, value in chosen.items() if not os.environ.get(name)}
    os.environ.update(chosen, PYTHONUNBUFFERED="1")
    CHOICES.write_text("".join(f"{name}='{value}'\n" for name, value in chosen.items()))
    return own_redis


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One line of the Procfile, kept running."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.failures = 0
        self.start()

    def start(self):
        # A session of its own: Ctrl-C then reaches the runner alone, which decides who stops when.
        self.child = subprocess.Popen(
            f"exec {self.command}",
            shell=True,
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=tether.tie,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.started, self.restart_at = time.monotonic(), None
        threading.Thread(target=self.copy_output, args=(self.child.stdout,), daemon=True).start()

    def copy_output(self, stream):
        for line in stream:
            say(self.name, line.rstrip())

    def tend(self):
        """Start the process again if it has ended, the later the more often it failed in a row."""
        now = time.monotonic()
        if self.child.poll() is None:
            return
        if self.restart_at is None:
            self.failures = 0 if now - self.started > PATIENCE else self.failures + 1
            wait = min(2**self.failures / 2, PATIENCE)
            say(self.name, f"ended with status {self.child.returncode}; starting it again in {wait:g} s")
            self.restart_at = now + wait
        elif now >= self.restart_at:
            self.start()

    def reload(self):
        """Have it finish what it does and start anew without a wait."""
        self.child.terminate()
        self.failures, self.restart_at = 0, time.monotonic()

    def stop(self, seconds):
        self.child.terminate()
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            say(self.name, f"did not stop within {seconds:.0f} s: killed")
            os.killpg(self.child.pid, signal.SIGKILL)
        else:
            say(self.name, "stopped")


def say(name, line):
    colour = COLOURS.get(name, 32)
    prefix = f"\033[{colour}m{name:>6} |\033[0m" if sys.stdout.isatty() else f"{name:>6} |"
    print(prefix, line, flush=True)


def wait_for_redis(process):
    port = urlsplit(os.environ["REDIS_URL"]).port
    while is_free(port):
        if process.child.poll() is not None:
            sys.exit("redis ended at once, see above")
        time.sleep(0.05)


def prepare(release):
    """Migrate, and gather the static files where DEBUG does not serve them from their folders."""
    commands = [f"{release} --verbosity 0"]
    if not (VAR / "db.sqlite3").exists():
        (VAR / "demo").unlink(missing_ok=True)
    if not env.boolean("DEBUG"):
        commands.append("python manage.py collectstatic --no-input --verbosity 0")
    for command in commands:
        if subprocess.run(f"exec {command}", shell=True, cwd=ROOT).returncode:
            sys.exit(f"{command} failed, see above")


def announce():
    """Load the demo data, or what is missing of it; when the page answers, tell where it is and who may sign in."""
    told = VAR / "demo"
    known = told.exists() and not env.text("DATABASE_URL")
    quiet = os.environ | {"LOG_LEVEL": "WARNING"}
    command = [sys.executable, "manage.py", "demo", *(["--redraw"] if known else [])]
    demo = subprocess.run(command, cwd=ROOT, env=quiet, stdout=subprocess.PIPE, text=True)
    if demo.returncode == 0 and not known:
        told.write_text(demo.stdout)
    while not answers(f"http://127.0.0.1:{os.environ['PORT']}/"):
        time.sleep(0.1)
    for line in [
        f"Kickstand is at {os.environ['SITE_URL']}",
        *(told.read_text().splitlines() if told.exists() else []),
    ]:
        say("run", line)


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=10)
    except urllib.error.HTTPError as error:
        return error.code < 500  # 400 if ALLOWED_HOSTS does not name this machine
    except OSError:
        return False
    return True


def watch(processes):
    """Until a signal comes. web reloads itself when code changes (gunicorn), the worker is told to."""
    seen = code()
    while True:
        time.sleep(0.5)
        for process in processes:
            process.tend()
        if (now := code()) != seen:
            seen = now
            say("run", "code has changed: the worker starts anew when its jobs are done")
            processes[-1].reload()


def stop(processes):
    """worker, then web, then redis: each finds what it needs until it has ended."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    deadline = time.monotonic() + PATIENCE
    for process in reversed(processes):
        process.stop(max(deadline - time.monotonic(), 5))


if __name__ == "__main__":
    main()
