"""What is told of a day with mishaps, to Sentry, in the log and at /metrics, by two processes of web and a worker."""

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from tests.envelopes import Sentry
from tests.journeys.people import Client
from tests.servers import Stack, get, until
from worker import client

TOKEN = "c8x2vz-0123456789abcdef"
ARGUMENT = "an argument of a job"
NAMES = ("Boberic", "Aliceline")
PREPARE = """
from django.core.management import call_command
call_command("collectstatic", interactive=False, verbosity=0)
call_command("migrate", verbosity=0)
from web.accounts.models import User
from web.feed.models import Post
author = User.objects.create(username="Aliceline", email="aliceline@example.com")
Post.objects.create(author=author, photo="photos/none.jpg", width=1, height=1, thumbnail="thumbnails/none.jpg")
"""


class Site(Stack):
    def __init__(self, folder):
        self.sentry = Sentry()
        super().__init__(
            folder,
            LOG_FORMAT="json",
            SENTRY_DSN=self.sentry.dsn,
            SENTRY_TRACES_SAMPLE_RATE="1",
            HEROKU_RELEASE_VERSION="v42",
            METRICS_TOKEN="t0ken",
        )
        self.counts = Path(f"/dev/shm/kickstand-{os.getuid()}-{self.port}")

    def query(self, text):
        with closing(sqlite3.connect(self.folder / "var/db.sqlite3")) as database, database:
            return database.execute(text).fetchall()

    def enqueue(self, task, *args):
        id, content = client.message(task, args)
        redis.Redis(port=self.redis_port).lpush("default", content)
        return id

    def lines(self, name):
        whole = self.log(name).rpartition("\n")[0]  # the last line may be half written
        return [json.loads(line) for line in whole.splitlines() if line]

    def line(self, name, start, **fields):
        """The only line of a process whose message starts so and that has these fields."""
        found = [
            line for line in self.lines(name) if line["message"].startswith(start) and fields.items() <= line.items()
        ]
        assert len(found) == 1, found
        return found[0]

    def scrape(self):
        """{name: {labels as text, by their names: value}}"""
        answer = get(f"{self.url}/metrics", headers={"Authorization": "Bearer t0ken"}).raise_for_status()
        samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
        found = {}
        for each in samples:
            found.setdefault(each.name, {})[" ".join(value for _, value in sorted(each.labels.items()))] = each.value
        return found

    def stop(self):
        super().stop()
        self.sentry.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("watched") / "stack")
    try:
        site.manage("shell", "--no-imports", "-c", PREPARE)
        site.start("redis", "web")
        site.start("worker", arguments="-I tests.journeys.tasks")
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def day(site):
    """What happened: a like, a request that fails, a job that dies, and a link that is nobody else's to know."""
    bob = Client(site.url, "Boberic", "boberic@example.com")
    bob.submit("/posts/1/like/")
    bob.get("/people/Aliceline/")
    bob.get(f"/accounts/password/reset/MQ/{TOKEN}")
    bob.get("/nowhere/?q=boberic@example.com")
    site.query("ALTER TABLE feed_like RENAME TO broken")
    failed = bob.post("/posts/1/like/", data={"csrfmiddlewaretoken": bob.cookies["csrftoken"]})
    assert failed.status_code == 500
    site.query("ALTER TABLE broken RENAME TO feed_like")
    id = site.enqueue("tests.journeys.tasks.fragile", ARGUMENT)
    until(lambda: "dead tests.journeys.tasks.fragile" in site.log("worker"), "the death of the job")
    until(lambda: site.sentry.errors("ConnectionError"), "the report of the job")
    until(lambda: site.sentry.transactions("web.notifications.tasks.mail_activity"), "the trace of the like")
    until(lambda: site.sentry.errors("OperationalError"), "the report of the request")
    return {"bob": bob, "failed": id, "request": failed.headers["X-Request-ID"]}


class TestSentry:
    def test_a_like_and_its_job_are_one_trace(self, site, day):
        def traces(name):
            return [each["contexts"]["trace"]["trace_id"] for each in site.sentry.transactions(name)]

        (job,) = traces("web.notifications.tasks.mail_activity")
        until(lambda: job in traces("/posts/{pk}/like/"), "the trace of the request")
        assert traces("web.accounts.tasks.mail_welcome") != [job]

    def test_errors_tell_where_they_belong(self, site, day):
        (request,) = site.sentry.errors("OperationalError")
        (job,) = site.sentry.errors("ConnectionError")
        assert (request["transaction"], request["tags"]["request"]) == ("/posts/{pk}/like/", day["request"])
        assert (job["tags"]["job"], job["tags"]["queue"]) == (day["failed"], "default")
        assert request["release"] == job["release"] == "v42"

    def test_nothing_tells_of_people(self, site, day):
        told = site.sentry.text()
        cookies = [cookie.value for cookie in day["bob"].cookies.jar]
        for private in (*NAMES, "example.com", ARGUMENT, TOKEN, "sessionid", *cookies):
            assert private.lower() not in told.lower(), private


class TestLog:
    def test_every_line_is_json(self, site, day):
        for name in ("web", "worker"):
            assert all({"time", "level", "message", "pid"} <= line.keys() for line in site.lines(name))

    def test_a_like_is_followed_from_the_request_to_the_end_of_its_job(self, site, day):
        enqueued = site.line("web", "enqueued web.notifications.tasks.mail_activity")
        until(
            lambda: f"done web.notifications.tasks.mail_activity job={enqueued['job']}" in site.log("worker"), "the end"
        )
        request = site.line("web", "POST /posts/1/like/", status=302)
        lines = [line for line in site.lines("worker") if line.get("job") == enqueued["job"]]
        start, done = lines[0], lines[-1]
        assert start["message"].startswith("start ") and done["message"].startswith("done ")
        for line in (enqueued, *lines):
            assert line["request"] == request["request"] and line["user"] == request["user"] == "2"
            assert line["queue"] == "mailers"
        assert (enqueued["attempt"], start["attempt"], done["attempt"]) == (0, 1, 1)
        assert done["elapsed"] >= start["elapsed"]

    def test_a_job_that_dies_has_a_line_for_its_failure_and_one_for_its_death(self, site, day):
        failed = site.line("worker", "failed tests.journeys.tasks.fragile")
        dead = site.line("worker", "dead tests.journeys.tasks.fragile")
        assert "ConnectionError: the printer is on fire" in failed["message"]
        assert failed["job"] == dead["job"] == day["failed"]

    def test_a_request_that_fails_has_its_traceback_in_its_line(self, site, day):
        error = site.line("web", "Internal Server Error: /posts/1/like/")
        assert "no such table: feed_like" in error["error"]
        told = site.line("web", "POST /posts/1/like/", status=500)
        assert told["request"] == error["request"] == day["request"]

    def test_no_line_tells_a_token_or_a_query(self, site, day):
        assert site.line("web", "GET /accounts/password/reset/MQ/*** ", status=301)
        assert site.line("web", "GET /accounts/password/reset/MQ/***/", status=200)
        assert site.line("web", "GET /nowhere/", status=404)
        assert TOKEN not in site.log("web") and "?q=" not in site.log("web")


class TestMetrics:
    def test_requests_to_all_processes_are_counted_together_and_whoever_dies_takes_nothing_along(self, site):
        """The pids of their lines tell which process answered."""
        sent = 0

        def ask():
            nonlocal sent
            get(f"{site.url}/accounts/login/").raise_for_status()
            sent += 1
            return {line["pid"] for line in site.lines("web") if line.get("path") == "/accounts/login/"}

        def counted():
            return site.scrape()["kickstand_requests_total"]["GET 2xx login"]

        first = until(lambda: len(pids := ask()) == 2 and pids, "an answer of both")
        assert [counted() for _ in range(5)] == [sent] * 5
        os.kill(max(first), signal.SIGKILL)
        until(lambda: len(ask()) == 3, "an answer of a new one")
        assert [counted() for _ in range(5)] == [sent] * 5
        assert site.scrape()["kickstand_request_duration_seconds_count"]["GET login"] == sent
        files = {path.name for path in site.counts.iterdir()}
        assert files == {"counter_0.db", "counter_1.db", "histogram_0.db", "histogram_1.db"}

    def test_labels_are_names_of_views(self, site, day):
        found = site.scrape()["kickstand_requests_total"]
        assert found["POST 5xx like"] == 1 and found["GET 4xx none"] >= 1
        assert not any("/" in labels for labels in found)

    def test_jobs_are_counted(self, site, day):
        task = "tests.journeys.tasks.fragile"
        found = until(
            lambda: (now := site.scrape()) and task in now.get("kickstand_job_failures_total", ()) and now, "a beat"
        )
        assert found["kickstand_redis_up"] == {"": 1}
        assert found["kickstand_jobs_processed_total"][""] >= 3 and found["kickstand_jobs_failed_total"] == {"": 1}
        assert found["kickstand_job_failures_total"][task] == found["kickstand_job_duration_seconds_count"][task] == 1
        assert found["kickstand_jobs"]["dead"] == 1
        assert found["kickstand_worker_processes"] == {"": 1} and found["kickstand_worker_threads"] == {"": 25}
        assert found["kickstand_queue_jobs"] == found["kickstand_queue_latency_seconds"] == {"default": 0, "mailers": 0}

    def test_the_token_is_asked_for(self, site):
        answers = [
            get(f"{site.url}/metrics", headers=headers).status_code
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic t0ken"})
        ]
        assert answers == [401] * 3

    def test_without_redis_it_tells_the_rest(self, site, day):
        # A web process that was killed may have left rows.
        until(lambda: not site.query("SELECT token FROM worker_outbox"), "the relay", 60)
        site.end("redis", signal.SIGKILL)
        found = site.scrape()
        assert found["kickstand_redis_up"] == {"": 0} and found["kickstand_database_up"] == {"": 1}
        assert "kickstand_jobs" not in found and found["kickstand_requests_total"]
        assert found["kickstand_outbox_rows"] == {"": 0}
        site.start("redis")


def test_at_its_end_it_leaves_no_files_and_its_last_lines_are_json(site, day):
    assert site.counts.exists()
    for name in ("web", "worker"):
        site.end(name)
    assert not site.counts.exists()
    assert site.line("worker", "stopped")
    assert site.lines("web")[-1]["message"] == "Shutting down: Master"
