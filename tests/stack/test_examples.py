"""The programs of infra/examples, where somebody else has copied them to: without this checkout, and without Django."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from itertools import chain

import pytest
import redis

from tests.servers import ROOT, Redis, until
from worker import keys, message

HASTE = "from worker import heartbeat, reaper\nheartbeat.BEAT, reaper.SILENCE = 0.5, 2\n"  # of a worker, for its end


def documented():
    """The commands of worker/README.md."""
    section = (ROOT / "worker" / "README.md").read_text().partition("## Without Django")[2]
    block = section.partition("```sh\n")[2].partition("```")[0]
    return [shlex.split(line, comments=True) for line in block.splitlines()]


INSTALL_CLIENT, INSTALL_ENGINE, GO_THERE, ENQUEUE, WORK = documented()


class Elsewhere:
    """A folder with the examples, and an environment with what a command installs, and nothing else."""

    def __init__(self, folder, install):
        self.folder, self.workers = folder, []
        shutil.copytree(ROOT / GO_THERE[1], folder / "app")
        (folder / "app" / "haste.py").write_text(HASTE)
        uv = ROOT / ".uv" / "bin" / "uv"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
        # What was built before is built again: uv would look no further than at the pyproject.toml.
        options = ["--reinstall-package", "kickstand-worker", "--constraint", "requirements.txt", "--quiet"]
        command = [uv, *install, "--python", folder / "venv", *options]
        subprocess.run(command, cwd=ROOT, check=True)

    def environment(self, server):
        return {"PATH": f"{self.folder / 'venv' / 'bin'}:/usr/bin:/bin", "REDIS_URL": server.url}

    def run(self, server, *command):
        """What a command prints; AssertionError when it fails."""
        run = subprocess.run(
            command, cwd=self.folder / "app", env=self.environment(server), capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def start_worker(self, server, *options):
        path = self.folder / f"worker{len(self.workers)}.log"
        command = [*WORK, "-c", "2", *options]
        with path.open("w") as log:
            worker = subprocess.Popen(
                command, cwd=self.folder / "app", env=self.environment(server), stdout=log, stderr=log
            )
        self.workers.append(worker)
        worker.log = path.read_text
        until(lambda: "ready." in worker.log() or worker.poll() is not None, "a worker")
        assert worker.poll() is None, worker.log()
        return worker

    def done(self):
        """The ids of the jobs that came to their end, each as often as it did."""
        return [id for worker in self.workers for id in re.findall(r"done \S+ job=(\S+)", worker.log())]

    def stop(self):
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers.clear()


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """Where jobs are enqueued: there is not even Celery."""
    return Elsewhere(tmp_path_factory.mktemp("script"), INSTALL_CLIENT)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where jobs are run."""
    return Elsewhere(tmp_path_factory.mktemp("celery"), INSTALL_ENGINE)


@pytest.fixture
def app(place):
    yield place
    place.stop()


@pytest.fixture(scope="module")
def persistent(tmp_path_factory):
    server = Redis(tmp_path_factory.mktemp("redis") / "data")
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def server(persistent):
    """A Redis with nothing in it."""
    persistent.client = redis.Redis.from_url(persistent.url)
    persistent.client.flushdb()
    return persistent


def waiting(server):
    return [message.id_of(job) for job in reversed(server.client.lrange("default", 0, -1))]


def test_nothing_is_there_but_what_they_say_they_need(script, app, server):
    listing = "import importlib.util as u; print([n for n in ('django', 'celery', 'redis', 'tests') if u.find_spec(n)])"
    assert script.run(server, "python", "-c", listing) == "['redis']\n"
    assert app.run(server, "python", "-c", listing) == "['celery', 'redis']\n"


def test_what_the_script_enqueues_is_run_by_the_app(script, app, server):
    now, later, *many = script.run(server, *ENQUEUE).split()
    assert waiting(server) == [now, *many]
    ((job, due),) = server.client.zrange(keys.SCHEDULE, 0, -1, withscores=True)
    assert message.id_of(job.partition(b"\n")[2]) == later
    assert 200 < due - server.client.time()[0] <= 301
    worker = app.start_worker(server)
    until(lambda: set(app.done()) == {now, *many}, "the jobs")
    assert server.client.zcard(keys.SCHEDULE) == 1
    server.client.zadd(keys.SCHEDULE, {job: 0})
    until(lambda: later in app.done(), "the job for later")
    assert worker.log().count("bob worked 5 times") == 2
    assert sorted(app.done()) == sorted([now, later, *many])


def test_the_app_enqueues_as_celery_does_and_hears_of_results_and_failures(app, server):
    worker = app.start_worker(server)
    call = "from hard_worker import *\nguess.delay(41)\nprint(add.delay(1, 2).get(timeout=20))"
    assert app.run(server, "python", "-c", call) == "3\n"
    for attempt in (1, 2):
        until(lambda attempt=attempt: f"attempt={attempt} " in retries(worker), f"failure {attempt}")
        (job,) = until(lambda: server.client.zrange(keys.RETRY, 0, -1), "a retry")
        server.client.zadd(keys.RETRY, {job: 0})
    until(lambda: server.client.hget(keys.LEDGER, "discarded") == b"1", "the end of it")
    assert server.client.zcard(keys.DEAD) == 0
    assert b"hard_worker.tidy" in server.client.hkeys(keys.PERIODIC_NEXT)


def retries(worker):
    return "\n".join(line for line in worker.log().splitlines() if "retry in" in line)


def test_a_worker_that_is_told_to_end_loses_nothing(script, app, server):
    ids = push(script, server, 20)
    worker = app.start_worker(server)
    until(app.done, "a job")
    worker.terminate()
    assert worker.wait(30) == 0, worker.log()
    assert sorted(app.done() + waiting(server)) == sorted(ids)
    assert waiting(server)
    assert server.client.zcard(keys.PROCESSES) == 0


def test_a_worker_that_is_killed_loses_nothing(script, app, server):
    ids = push(script, server, 20)
    worker = app.start_worker(server)
    until(lambda: len(app.done()) > 3 and list(server.client.scan_iter("inflight:*")), "jobs in the middle")
    worker.kill()
    worker.wait()
    (inflight,) = server.client.scan_iter("inflight:*")
    held = [message.id_of(job.partition(b"\n")[2]) for job in server.client.hvals(inflight)]
    # By the ledger: the last lines of the log may have died with the worker.
    assert held and len(held) + len(waiting(server)) + done(server) == len(ids)
    app.start_worker(server, "-I", "haste")
    until(lambda: done(server) == len(ids) and not list(server.client.scan_iter("inflight:*")), "every job")
    again = [id for id in ids if app.done().count(id) > 1]
    assert set(again) <= set(held)  # these were over, and nobody had heard of it yet
    assert not waiting(server) and server.client.zcard(keys.RETRY) == server.client.zcard(keys.DEAD) == 0


def done(server):
    return int(server.client.hget(keys.LEDGER, "done") or 0)


def push(script, server, count):
    """Enqueue so many jobs of 0.2 s; their ids."""
    calls = f"[[str(number), 2] for number in range({count})]"
    program = f"from worker import client\nprint(*client.push_bulk('hard_worker.work', {calls}))"
    return script.run(server, "python", "-c", program).split()


def test_a_script_keeps_its_own_log(script, server):
    """Whose lines may say where they come from."""
    program = (
        "import logging, sys\nfrom worker import client\n"
        "form = '%(filename)s %(processName)s %(message)s'\n"
        "logging.basicConfig(format=form, level='INFO', stream=sys.stdout)\n"
        "client.push('hard_worker.work', ['bob', 1])\nlogging.info('mine')\n"
    )
    ours, mine = script.run(server, "python", "-W", "error", "-c", program).splitlines()
    (id,) = waiting(server)
    assert ours == f"log.py MainProcess enqueued hard_worker.work job={id} queue=default argument 1='bob' argument 2=1"
    assert mine == "<string> MainProcess mine"


def test_every_module_can_be_imported_but_those_that_serve_django(app, server):
    """This holds what the layout promises; with warnings as errors."""
    need = {"apps", "backend", "results", "mail", "models", "outbox", "told", "sentry"}  # the last one its SDK
    names = {path.stem for path in (ROOT / "worker").glob("*.py")} - {"__init__", *need}
    names |= {f"api.{path.stem}" for path in (ROOT / "worker" / "api").glob("*.py")} - {"api.__init__"}
    program = f"import importlib\nfor name in {sorted(names)}: importlib.import_module(f'worker.{{name}}')"
    app.run(server, "python", "-W", "error", "-c", program)


def test_versions_are_those_of_the_stack():
    whole, part = (
        tomllib.loads((ROOT / path).read_text())["project"] for path in ("pyproject.toml", "worker/pyproject.toml")
    )
    wanted = chain(part["dependencies"], *part["optional-dependencies"].values())
    assert set(wanted) <= set(whole["dependencies"])
    assert all(part[name] == whole[name] for name in ("requires-python", "version", "license"))
