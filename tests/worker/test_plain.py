"""A plain Celery app on this engine, where Django cannot be imported and only REDIS_URL and SENTRY_DSN are set."""

import json
import os
import subprocess
import sys

import pytest

from tests.envelopes import Sentry
from tests.servers import ROOT, until
from worker import keys
from worker.connection import connect

NO_DJANGO = "import sys\nsys.modules['django'] = None\n"  # for `import django` to raise ImportError

APP = """
import os
from celery import Celery, chord
from redis import Redis
from worker import dead, engine

app = Celery("plain", broker=os.environ["REDIS_URL"])
engine.install(app)

def say(word):
    Redis.from_url(os.environ["REDIS_URL"]).rpush("test:said", word)

@app.task
def echo(word):
    say(word)

@app.task(ignore_result=False)
def add(a, b):
    return a + b

@app.task(ignore_result=False)
def total(numbers):
    say(f"total {sum(numbers)}")

@app.task(bind=True)
def succeed_later(self, word):
    if not self.request.retries:
        raise ValueError("the first attempt")
    say(word)

@app.task(max_retries=0)
def fail(word):
    raise ValueError(word)

@app.task(every=1)
def tidy():
    say("tidied")

dead.handlers.append(lambda death, error: say(f"died {death.name} {error}"))
"""


class Plain:
    """A folder with the app, and what runs there."""

    def __init__(self, folder, url):
        self.folder, self.processes = folder, []
        (folder / "plain.py").write_text(APP)
        (folder / "sitecustomize.py").write_text(NO_DJANGO)
        path = os.pathsep.join((str(folder), str(ROOT)))
        self.environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "REDIS_URL": url}

    def python(self, text):
        run = subprocess.run(
            [sys.executable, "-c", text], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def start_worker(self):
        log = (self.folder / "worker.log").open("w")
        command = [sys.executable, "-m", "celery", "-A", "plain", "worker", "-c", "2", "-l", "INFO"]
        self.processes.append(subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log))
        return self.processes[-1]

    def log(self):
        return (self.folder / "worker.log").read_text()


@pytest.fixture
def plain(tmp_path, server):
    folder = tmp_path / "app"
    folder.mkdir()
    plain = Plain(folder, server.url)
    plain.sentry = Sentry()
    plain.environment["SENTRY_DSN"] = plain.sentry.dsn
    yield plain
    plain.sentry.stop()
    for process in plain.processes:
        process.kill()
        process.wait()


def said():
    return [word.decode() for word in connect().lrange("test:said", 0, -1)]


def test_django_is_not_there(plain):
    with pytest.raises(AssertionError, match="import of django halted; None in sys.modules"):
        plain.python("import django")


def test_the_client_pushes(plain):
    id = plain.python("from worker import client; print(client.push('plain.echo', ['a'], queue='mailers'))").strip()
    assert json.loads(connect().lindex("mailers", 0))["headers"]["id"] == id


def test_a_worker_runs_everything(plain):
    worker = plain.start_worker()
    plain.python(
        "from worker import client\n"
        "client.push('plain.echo', ['pushed'])\n"
        "client.push_bulk('plain.echo', [['first'], ['second']])\n"
        "client.push('plain.echo', ['later'], seconds=1)\n"
        "from plain import *\n"
        "echo.delay('delayed')\n"
        "echo.apply_async(('counted down',), countdown=1)\n"
        "chord([add.s(1, 2), add.s(3, 4)])(total.s())\n"
        "succeed_later.delay('at last')\n"
        "fail.delay('no')\n"
    )
    once = {"pushed", "first", "second", "later", "delayed", "counted down", "total 10", "died plain.fail no"}
    until(lambda: once | {"tidied"} <= set(said()), f"{once}", 30)
    redis = connect()
    ((job, _),) = redis.zrange(keys.RETRY, 0, -1, withscores=True)
    redis.zadd(keys.RETRY, {job: 0})
    until(lambda: "at last" in said(), "the second attempt")
    worker.terminate()
    assert worker.wait(30) == 0, plain.log()
    assert redis.zcard(keys.PROCESSES) == 0
    assert [event["tags"]["task"] for event in plain.sentry.items("event")] == ["plain.fail"]
    assert "ImportError" not in plain.log()
    assert {word: said().count(word) for word in once} == dict.fromkeys(once, 1)
