import os
import subprocess
import sys

import pytest

from tests.servers import ROOT, Redis, free_port
from tests.web.outages import bring_back, kill
from worker import keys
from worker.connection import connect


@pytest.fixture
def redis_away(monkeypatch):
    monkeypatch.setattr("worker.config.REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")


@pytest.fixture
def cache_away(settings):
    away = {"LOCATION": f"redis://127.0.0.1:{free_port()}/0"}
    settings.CACHES = {"default": settings.CACHES["default"] | away}


ALL_WELL = {"database": "ok", "redis": "ok", "workers": "ok", "cache": "ok"}


@pytest.fixture(autouse=True)
def worker():
    client = connect()  # of all tests, whatever becomes of REDIS_URL
    live(client)
    yield
    client.delete(keys.PROCESSES)


def live(client, silence=0):
    """Have a worker in this Redis, whose last sign of life is so many seconds old."""
    client.zadd(keys.PROCESSES, {"host:1:a": client.time()[0] - silence})


def test_healthz_answers_without_asking_anything(client, redis_away, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.parametrize("address", ["/readyz", "/readyz?full=1"])
def test_readyz_says_what_is_there(client, db, address):
    response = client.get(address)

    assert response.status_code == 200
    assert response.json() == response.json() | ALL_WELL


@pytest.fixture
def workers_away():
    live(connect(), silence=16)


@pytest.mark.parametrize(
    "away, parts",
    [("redis_away", ["redis", "workers"]), ("cache_away", ["cache"]), ("workers_away", ["workers"])],
)
def test_without_redis_and_workers_pages_are_served_still_and_full_tells(client, db, request, away, parts):
    request.getfixturevalue(away)

    short, full = client.get("/readyz"), client.get("/readyz?full=1")

    assert (short.status_code, full.status_code) == (200, 503)
    assert short.json() == full.json() == ALL_WELL | dict.fromkeys(parts, "away")


def test_readyz_is_back_when_redis_is(client, db, tmp_path, monkeypatch):
    server = Redis(tmp_path / "redis", "--appendfsync", "always")
    monkeypatch.setattr("worker.config.REDIS_URL", server.url)
    live(connect())
    answers = []

    for change in (kill, bring_back):
        change(server)
        answers.append(client.get("/readyz?full=1").status_code)
    server.stop()

    assert answers == [503, 200]


PROBE = """
import django; django.setup()
from django.test import Client
from web import settings
for address in ("/healthz", "/readyz", "/readyz?full=1"):
    answer = Client().get(address, headers={"host": "localhost"})
    print(answer.status_code, answer.text.strip())
"""


def test_without_a_database_it_lives_and_is_not_ready(tmp_path):
    away = {"DATABASE_URL": f"sqlite:///{tmp_path}/none/db.sqlite3", "DJANGO_SETTINGS_MODULE": "web.settings"}

    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROBE], cwd=ROOT, env=os.environ | away, capture_output=True, text=True
    )

    answers = [line for line in run.stdout.splitlines() if line[:3] in ("200", "503")]
    assert answers[0] == "200 ok"
    assert [answer[:3] for answer in answers[1:]] == ["503", "503"]
    assert '"database": "away"' in answers[1]


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_a_probe_need_not_know_the_name_of_the_site(client, db, settings, address):
    settings.ALLOWED_HOSTS = ["photos.example.com"]

    assert client.get(address, headers={"host": "127.0.0.1:8000"}).status_code == 200
    assert client.get(address, headers={"host": "10.1.2.3:8000"}).status_code == 200


def test_pages_are_for_our_names_alone(client, db, settings):
    settings.ALLOWED_HOSTS = ["photos.example.com"]

    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_no_probe_gets_a_cookie_or_an_old_answer(client, db, address):
    response = client.get(address)

    assert not response.cookies
    assert "max-age" not in response.headers.get("Cache-Control", "")


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_a_probe_may_ask_for_the_head_alone_and_for_nothing_else(client, db, address):
    assert client.head(address).status_code == 200
    for method in (client.post, client.put, client.delete):
        assert method(address).status_code == 405
