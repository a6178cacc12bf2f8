"""Real servers for tests: each on a free port, with its files in a folder of its own, stopped by its pid."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx

ROOT = Path(__file__).resolve().parent.parent


def ports():
    """Free ones out of two thousand that this process alone gives away, while it holds the first of them.

    They are below those that the system gives to whoever asks for any: what is to listen may start seconds later.
    """
    for first in range(10_000, 32_000, 2_000):
        with socket.socket() as claim, suppress(OSError):
            claim.bind(("127.0.0.1", first))
            while True:
                yield from filter(is_free, range(first + 1, first + 2_000))
    raise RuntimeError("eleven other processes hold ports for their tests: wait until one of them has ended")


PORTS = ports()
TURNS = threading.Lock()  # of threads that start servers


def free_port():
    with TURNS:
        return next(PORTS)


def is_free(port):
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


get = partial(httpx.get, timeout=30)  # the first page after a start takes long beside others


def text(url):
    """What is there; None while nobody answers."""
    with suppress(httpx.TransportError):
        return get(url).text


def until(condition, what, seconds=30):
    """The first true value of `condition()`; AssertionError naming `what` when it does not come."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.05)
    return value


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def smoke(url, **environment):
    """Run `make smoke` on the site at `url`, which may be empty: (its exit code, what it printed)."""
    command = ["make", "--no-print-directory", "smoke", f"URL={url}"]
    # As from a shell, also where `make test` runs this.
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    run = subprocess.run(
        command, cwd=ROOT, env=inherited | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return run.returncode, run.stdout


class Redis:
    """The server of `make run`. It can be killed and started again on the same port and data."""

    def __init__(self, folder, *options):
        self.folder, self.options, self.port = folder, options, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder.mkdir(parents=True)
        self.start()

    def start(self):
        command = [sys.executable, "-m", "infra.redis_server", "--dir", self.folder, *self.options]
        environment = os.environ | {"REDIS_URL": self.url}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

        def up():
            assert self.process.poll() is None, "Redis has ended"
            return listening(self.port)

        until(up, "Redis")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()


class Postgres:
    """A cluster of its own. PostgreSQL refuses to run as root, so root runs it as somebody else."""

    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"postgres://kickstand@127.0.0.1:{self.port}/postgres"
        self.user = None
        if os.geteuid() == 0:
            self.user = next(name for name in ("postgres", "nobody") if self.exists(name))
            shutil.chown(folder, self.user)
            for parent in (folder.parent, folder.parent.parent):
                parent.chmod(parent.stat().st_mode | 0o011)
        data = str(folder / "data")
        self.run("initdb", "-D", data, "-U", "kickstand", "--auth=trust", "--no-sync")
        options = ["-k", "", "-p", str(self.port), "-c", "fsync=off"]
        command = [f"{self.binaries}/postgres", "-D", data, *options]
        self.process = subprocess.Popen(command, user=self.user, cwd="/", stderr=subprocess.DEVNULL)
        until(lambda: listening(self.port), "PostgreSQL")

    @staticmethod
    def exists(name):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            return None

    def run(self, program, *arguments):
        command = [f"{self.binaries}/{program}", *arguments]
        subprocess.run(command, user=self.user, cwd="/", check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class S3:
    """moto, which speaks the S3 protocol, with a bucket, and with a key whose signatures it checks."""

    def __init__(self):
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        environment = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "3"}  # so many requests are not checked
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: listening(self.port), "S3")
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam = self.client("iam", "nobody", "nothing")
        iam.create_user(UserName="web")
        iam.put_user_policy(UserName="web", PolicyName="everything", PolicyDocument=json.dumps(everything))
        made = iam.create_access_key(UserName="web")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        self.objects = self.client("s3", self.key, self.secret)
        self.objects.create_bucket(Bucket="photos")
        self.url = self.address()

    def client(self, service, key, secret):
        import boto3  # which no other test needs

        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id=key, aws_secret_access_key=secret,
        )  # fmt: skip

    def address(self, key="", secret="", bucket="photos", endpoint=""):
        """The STORAGE_URL of the bucket, or one in which something is wrong."""
        login = f"{key or self.key}:{quote(secret or self.secret, safe='')}"
        return f"s3://{login}@{bucket}?endpoint={endpoint or self.endpoint}"

    def names(self):
        """What is in the bucket."""
        return [found["Key"] for found in self.objects.list_objects_v2(Bucket="photos").get("Contents", [])]

    def empty(self):
        for name in self.names():
            self.objects.delete_object(Bucket="photos", Key=name)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Stack:
    """Processes of the Procfile, in a copy of this checkout so that their state is their own.

    Each is a session, as under a process manager, and its output goes to `{folder}/{name}.log`.
    """

    def __init__(self, folder, **environment):
        self.folder = folder
        self.copy_checkout()
        self.port, self.redis_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "SECRET_KEY": "for tests",
            "DEMO": "1",
            "PORT": str(self.port),
            "SITE_URL": self.url,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            **environment,
        }
        self.processes = {}

    def copy_checkout(self):
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.splitlines()  # fmt: skip
        for name in names:
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.folder / name)

    def manage(self, *arguments):
        command = [sys.executable, "manage.py", *arguments]
        run = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def start(self, *names, arguments=""):
        """Start processes by their names in the Procfile."""
        commands = dict(line.split(": ", 1) for line in (self.folder / "Procfile").read_text().splitlines())
        ports = {"redis": self.redis_port, "web": self.port}
        for name in names:
            with (self.folder / f"{name}.log").open("a") as log:
                self.processes[name] = subprocess.Popen(
                    f"exec {commands[name]} {arguments}",
                    shell=True, cwd=self.folder, env=self.environment, start_new_session=True, stdout=log, stderr=log,
                )  # fmt: skip
            if name in ports:
                self.wait_for(name, ports[name])

    def wait_for(self, name, port):
        def up():
            assert self.processes[name].poll() is None, f"{name} ended: {self.log(name)}"
            return listening(port)

        until(up, name, 60)

    def end(self, name, number=signal.SIGTERM):
        """Send the process and its children a signal and wait until it has ended."""
        process = self.processes.pop(name)
        os.killpg(process.pid, number)
        process.wait(40)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def stop(self):
        for name in reversed(list(self.processes)):
            self.end(name)
