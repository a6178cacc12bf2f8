"""The settings, as the file gives them for an environment, and as a person meets them who starts a process."""

import os
import re
import runpy
import socket
import subprocess
import sys

import pytest
from django.db import connection
from django.views.debug import SafeExceptionReporterFilter

from tests.servers import ROOT, Stack, free_port

KEY = {"SECRET_KEY": "b7-a long and random secret, for tests alone, 0123456789"}


@pytest.fixture
def read(monkeypatch):
    """What a module makes of an environment: `read(DEBUG="1")["DEBUG"]`. It is executed anew, under another name."""

    def read(module="web/settings.py", **environment):
        for name in set(os.environ) - {"PATH", "HOME"}:
            monkeypatch.delenv(name)
        for name, value in (KEY | environment).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / module))

    return read


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy, without the .env and the var/ of a developer."""
    return Stack(tmp_path_factory.mktemp("settings") / "checkout").folder


@pytest.fixture
def run(checkout):
    """Run Python in the checkout with nothing in its environment but this: `run("manage.py", "check", DEBUG="1")`."""

    def run(*arguments, **environment):
        plain = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=checkout, env=plain | environment, capture_output=True, text=True)

    return run


def test_a_missing_secret_key_says_how_to_make_one(run):
    answer = run("manage.py", "check")

    assert answer.returncode != 0
    assert "SECRET_KEY is not set" in answer.stderr
    assert "Traceback" not in answer.stderr
    recipe = next(line.strip() for line in answer.stderr.splitlines() if "python -c" in line)
    made = subprocess.run(recipe, shell=True, capture_output=True, text=True).stdout.strip()
    assert len(made) >= 50
    assert run("-c", "import web.settings", SECRET_KEY=made).returncode == 0


def test_a_secret_key_can_be_in_a_file(run, read, tmp_path):
    path = tmp_path / "key"
    assert run("-m", "infra.secret", str(path)).returncode == 0

    key = read(SECRET_KEY="", SECRET_KEY_FILE=str(path))["SECRET_KEY"]

    assert key == path.read_text()
    assert len(key) >= 50
    assert path.stat().st_mode & 0o077 == 0


WEB, WORKER = "web/settings.py", "worker/config.py"


@pytest.mark.parametrize(
    "module, name, value, allowed, others",
    [
        (WEB, "DEBUG", "maybe", "true", {}),
        (WEB, "DEMO", "2", "true", {}),
        (WEB, "PORT", "http", "whole number", {}),
        (WEB, "SITE_URL", "photos.example.com", "https://", {}),
        (WEB, "DATABASE_URL", "mysterious", "postgres://", {}),
        (WEB, "DATABASE_URL", "nosql://host/db", "postgres://", {}),
        (WEB, "CACHE_URL", "localhost:6379", "redis://host:port/db", {}),
        (WEB, "TASK_BACKEND", "later", "queue, thread, immediate", {}),
        (WEB, "SMTP_URL", "mail.example.com", "smtp://host:25", {}),
        (WEB, "SMTP_URL", "smtp://mail.example.com:many", "smtp://host:25", {}),
        (WEB, "SECRET_KEY_FILE", "/none/key", "infra.secret", {"SECRET_KEY": ""}),
        (WORKER, "REDIS_URL", "foo", "redis://host:port/db", {}),
        (WORKER, "REDIS_URL", "redis://host:many/0", "redis://host:port/db", {}),
        (WORKER, "REDIS_PROVIDER", "REDISTOGO_URL", "set REDISTOGO_URL", {}),
        (WORKER, "BROKER_URL", "kafka://host", "amqp://", {}),
        (WORKER, "WORKER_CONCURRENCY", "0", "at least 1", {}),
        (WORKER, "WORKER_QUEUES", "default:many", "name:weight", {}),
        (WORKER, "LOG_LEVEL", "LOUD", "INFO", {}),
        (WORKER, "LOG_FORMAT", "xml", "json", {}),
        (WORKER, "SENTRY_DSN", "mysterious", "https://", {}),
        (WORKER, "SENTRY_TRACES_SAMPLE_RATE", "2", "from 0 to 1", {}),
        (WORKER, "SENTRY_REPORT_RETRIES", "always", "true", {}),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_and_what_is_allowed(read, module, name, value, allowed, others):
    with pytest.raises(SystemExit) as error:
        read(module, **{name: value} | others)

    for part in (name, value, allowed):
        assert part in str(error.value)


@pytest.mark.parametrize(
    "module, name", [(WORKER, "REDIS_URL"), (WEB, "SMTP_URL"), (WEB, "DATABASE_URL"), (WEB, "STORAGE_URL")]
)
def test_no_error_tells_a_password(read, module, name):
    with pytest.raises((SystemExit, ValueError)) as error:
        read(module, **{name: "wrong://user:hush-hush@host/1"})

    assert "hush-hush" not in repr(error.value)


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["-m", "celery", "--app", "worker", "report"],
        ["-m", "gunicorn", "--config", "infra/gunicorn.conf.py", "--check-config", "web.wsgi"],
    ],
    ids=["manage.py", "celery", "gunicorn"],
)
@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is 'LOUD': use one of DEBUG, INFO, WARNING, ERROR"),
        (
            "REDIS_URL",
            "redis://:hush@host/0?protocol=x",
            "REDIS_URL is 'redis://:***@host/0?protocol=x': Invalid value",
        ),
    ],
)
def test_whatever_is_started_ends_with_that_sentence_alone(run, command, name, value, sentence):
    answer = run(*command, **{name: value}, **KEY)

    told = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert sentence in told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) == 1


def test_a_dyno_that_does_not_know_its_host_says_how_to_tell_it(run):
    answer = run("manage.py", "check", DYNO="web.1", **KEY)
    assert answer.returncode != 0
    assert answer.stderr.startswith("Nothing tells where the site is")
    assert len(answer.stderr.splitlines()) == 1
    for known in ({"SITE_URL": "https://a.example"}, {"HEROKU_APP_DEFAULT_DOMAIN_NAME": "a-1.herokuapp.com"}):
        assert run("manage.py", "check", DYNO="web.1", **KEY, **known).returncode == 0
    assert run("manage.py", "collectstatic", "--dry-run", "--no-input", DYNO="run.1").returncode == 0


def test_nothing_is_open_unless_asked_for(read):
    settings = read(**dict.fromkeys(["DEBUG", "DEMO", "ALLOWED_HOSTS", "DATABASE_URL", "SMTP_URL"], ""))

    assert (settings["DEBUG"], settings["DEMO"]) == (False, False)
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["TASKS"]["default"]["BACKEND"] == "worker.backend.QueueBackend"
    assert settings["MAILERS"]["delivery"]["BACKEND"] == "web.letters.backend.LetterMailer"


@pytest.mark.parametrize(
    "environment, trusted",
    [
        ({}, False),
        ({"DYNO": "web.1"}, True),
        ({"TRUST_PROXY": "1"}, True),
        ({"DYNO": "web.1", "TRUST_PROXY": "0"}, False),
    ],
)
def test_what_a_router_says_is_believed_where_there_is_one(read, client, settings, environment, trusted):
    made = read(SITE_URL="https://testserver", **environment)
    for name in ("SECURE_PROXY_SSL_HEADER", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "PERMISSIONS_POLICY"):
        setattr(settings, name, made[name])
    plain = client.get("/accounts/login/", headers={"x-forwarded-proto": "http"})
    forwarded = client.get("/healthz", headers={"x-forwarded-proto": "http"})

    assert (plain.status_code, plain.headers.get("Location")) == (
        (301, "https://testserver/accounts/login/") if trusted else (200, None)
    )
    assert forwarded.status_code == 200  # a probe of the platform comes without the router
    secure = client.get("/accounts/login/", headers={"x-forwarded-proto": "https"})
    assert secure.status_code == 200
    assert ("Strict-Transport-Security" in secure.headers) == trusted
    assert "camera=()" in secure.headers["Permissions-Policy"]
    assert secure.headers["Cross-Origin-Opener-Policy"] == secure.headers["Referrer-Policy"] == "same-origin"


def test_a_site_on_https_has_safe_cookies_and_links(read):
    names = ("SITE_URL", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "CSRF_TRUSTED_ORIGINS")
    here, there = read(PORT="8123"), read(ALLOWED_HOSTS="photos.example.com")

    assert [here[name] for name in names] == ["http://localhost:8123", False, False, ["http://localhost:8123"]]
    assert [there[n] for n in names] == ["https://photos.example.com", True, True, ["https://photos.example.com"]]
    assert (here.get("SESSION_COOKIE_NAME"), there["SESSION_COOKIE_NAME"]) == (None, "__Host-sessionid")
    assert here["SECURE_HSTS_SECONDS"] == 0
    assert there["SECURE_HSTS_SECONDS"] > 0


def test_mail_goes_to_the_server_of_smtp_url(read):
    mailer = read(SMTP_URL="submission://us%40example.com:p%2Fw@mail.example.com:587")["MAILERS"]["delivery"]

    assert mailer["BACKEND"] == "worker.mail.SmtpMailer"
    options = mailer["OPTIONS"]
    assert (options["host"], options["port"]) == ("mail.example.com", 587)
    assert (options["username"], options["password"]) == ("us@example.com", "p/w")
    assert (options["use_tls"], options["use_ssl"]) == (True, False)


def test_the_redis_of_an_addon_is_found_by_the_name_of_its_variable(read):
    config = read(WORKER, REDIS_PROVIDER="REDISTOGO_URL", REDISTOGO_URL="redis://togo:1234/0")

    assert config["REDIS_URL"] == "redis://togo:1234/0"


def test_sqlite_waits_for_its_turn(read):
    options = read()["DATABASES"]["default"]["OPTIONS"]

    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] >= 5
    assert "WAL" in options["init_command"]


def test_postgres_is_found_by_its_url(read):
    database = read(DATABASE_URL="postgres://user:p%2Fw@host:5433/name")["DATABASES"]["default"]

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert [database[n] for n in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == ["host", 5433, "user", "p/w", "name"]


def test_what_the_url_of_the_database_says_more_is_kept(read):
    url = "postgres://user@host/name?sslmode=verify-full&connect_timeout=3"
    options = read(DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]

    assert (options["sslmode"], options["connect_timeout"], options["pool"]["max_size"]) == ("verify-full", 3, 5)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite is a file")
def test_a_database_that_vanishes_is_given_up(db):
    connection.ensure_connection()
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as line:
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 25_000


def test_sqlite_really_is_what_it_was_set_to(db):
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] >= 5000


def test_collectstatic_needs_no_secret_no_database_and_no_redis(run, checkout):
    nowhere = f"127.0.0.1:{free_port()}"

    answer = run(
        "manage.py", "collectstatic", "--no-input",
        DATABASE_URL=f"postgres://user@{nowhere}/none", REDIS_URL=f"redis://{nowhere}/0",
    )  # fmt: skip

    assert answer.returncode == 0, answer.stderr
    made = [path.name for path in (checkout / "staticfiles").iterdir()]
    assert "staticfiles.json" in made
    assert any(name.startswith("app.") and name.endswith(".css.gz") for name in made)


def test_what_is_deployed_as_described_has_no_faults_but_what_only_its_owner_can_know(run):
    answer = run("manage.py", "check", "--deploy", ALLOWED_HOSTS="photos.example.com", **KEY)

    told = {line.split("(")[1].split(")")[0] for line in answer.stderr.splitlines() if line.startswith("?: (")}
    assert answer.returncode == 0
    assert told == {"kickstand.W001"}  # the cache has no Redis of its own
    assert "CACHE_URL" in answer.stderr


@pytest.mark.parametrize("mail", [{}, {"SMTP_URL": "submission://user:password@mail.example.com"}])
@pytest.mark.parametrize(
    "place",
    [{"ALLOWED_HOSTS": "photos.example.com", "DYNO": "web.1"}, {"SITE_URL": "https://photos.example.com"}],
    ids=["behind a router", "nobody is trusted"],
)
def test_with_all_its_parts_nothing_is_left_to_say(run, place, mail):
    there = KEY | {"CACHE_URL": "redis://cache.example.com"} | place
    answer = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **there, **mail)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_example_of_an_environment_changes_nothing(read):
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert not example.pop("SECRET_KEY")

    def plain(settings):
        return {name: re.sub(" at 0x[0-9a-f]+", "", repr(value)) for name, value in settings.items() if name.isupper()}

    assert plain(read(**example)) == plain(read())


def test_photos_are_in_the_database_or_in_the_bucket_of_storage_url(read):
    assert read()["STORAGES"]["default"] == {"BACKEND": "web.files.database.DatabaseStorage"}

    settings = read(STORAGE_URL="s3://KEY:hush%2Fhush@photos?region=eu-west-1")
    bucket = settings["STORAGES"]["default"]
    assert (bucket["BACKEND"], bucket["OPTIONS"]["secret_key"]) == ("web.files.bucket.Bucket", "hush/hush")
    told = SafeExceptionReporterFilter().cleanse_setting("STORAGES", settings["STORAGES"])
    assert "hush" not in repr(told)
    assert not [name for name, value in settings.items() if name.isupper() and "hush%2F" in repr(value)]


def test_a_wrong_storage_url_ends_with_a_sentence(run):
    answer = run("manage.py", "check", STORAGE_URL="s3://KEY:hush-hush@photos", **KEY)

    assert answer.returncode != 0
    assert answer.stderr.startswith("STORAGE_URL is 's3://***@photos', and says neither region nor endpoint: use s3://")
    assert len(answer.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("module", ["web.wsgi", "worker.celery"])
def test_without_a_bucket_nothing_of_its_library_is_loaded(run, module):
    code = f"""
import sys, {module}
import django; django.setup()
from django.core.files.storage import default_storage
print(type(default_storage.exists).__name__, [name for name in sys.modules if name.startswith(("boto", "storages"))])
"""
    assert run("-c", code, **KEY).stdout == "method []\n"
