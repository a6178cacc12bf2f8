"""People ask after the jobs that their own requests have enqueued, and after no others."""

from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.tasks import TaskResultStatus
from django.tasks.base import TaskError
from django.utils import timezone

from tests.servers import free_port
from tests.web.pictures import picture
from web.accounts import jobs
from web.feed.tasks import make_thumbnail
from worker import client, keys, results
from worker.connection import connect

real_commits = pytest.mark.django_db(transaction=True)  # within the request, before there is an answer


@pytest.fixture
def post(browser, queue):
    """Post a photo as this user: (the browser, the answer)."""

    def post(user):
        author = browser(user)
        return author, author.post("/posts/new/", {"photo": SimpleUploadedFile("a.jpg", picture())})

    return post


@pytest.fixture
def kept(db, queue, django_capture_on_commit_callbacks):
    """A job that Redis keeps something of, as a TaskResult: `kept(status=…)`."""

    def kept(run_after=None, **fields):
        with django_capture_on_commit_callbacks(execute=True):
            result = make_thumbnail.using(run_after=run_after).enqueue(1)
        results.keep(replace(result, **fields))
        return result.id

    return kept


@real_commits
def test_who_posts_a_photo_can_ask_after_its_thumbnail(alice, post):
    author, answer = post(alice)
    name = answer["X-Job-IDs"]

    response = author.get(f"/accounts/jobs/{name}/")

    assert response.json() == {"id": name, "state": "waiting"}
    assert "no-store" in response["Cache-Control"]
    assert client.connection().lindex("default", 0).count(jobs.opened(alice, name).encode()) > 1


@real_commits
def test_it_is_not_found_by_anybody_else(alice, bob, staff, browser, post):
    name = post(alice)[1]["X-Job-IDs"]

    assert [browser(other).get(f"/accounts/jobs/{name}/").status_code for other in (bob, staff)] == [404, 404]
    assert browser().get(f"/accounts/jobs/{name}/")["Location"].startswith("/accounts/login/")


@real_commits
def test_a_name_that_nobody_was_given_is_not_found(alice, bob, browser, post):
    reader, answer = post(alice)
    name = answer["X-Job-IDs"]
    id = jobs.opened(alice, name)

    others = [id, f"{id}.", f"{id}.x", name + "x", name.upper(), jobs.name(bob, id), "x" * 5000, "-", "%00", "é.é"]
    for name in others:
        assert reader.get(f"/accounts/jobs/{name}/").status_code == 404


def test_a_request_that_enqueues_nothing_names_nothing(alice, browser):
    assert "X-Job-IDs" not in browser(alice).get("/")


@real_commits
def test_a_job_that_is_rolled_back_is_not_named(alice, post, monkeypatch):
    def fails(job):
        raise RuntimeError("no")

    monkeypatch.setattr("worker.outbox.write", fails)
    with pytest.raises(RuntimeError):
        post(alice)
    assert not list(connect().scan_iter("done:*"))


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_jobs_of_which_nothing_is_kept_are_not_named(alice, bob, browser, queue, email):
    """Their names would tell whether an address is known, to anybody who asks to reset its password."""
    for reader in (browser(bob), browser()):
        assert "X-Job-IDs" not in reader.post("/accounts/password/reset/", {"email": email})
    assert queue("mailers") or email != alice.email


ERROR = TaskError(exception_class_path="builtins.ValueError", traceback="secret")
LATER = timezone.now() + timedelta(days=1)


@pytest.mark.parametrize(
    "fields, state",
    [
        ({}, "waiting"),
        ({"run_after": LATER}, "scheduled"),
        ({"run_after": LATER - timedelta(days=2)}, "waiting"),
        ({"status": TaskResultStatus.RUNNING}, "running"),
        ({"status": TaskResultStatus.RUNNING, "errors": [ERROR]}, "running"),
        ({"errors": [ERROR]}, "retrying"),
        ({"status": TaskResultStatus.FAILED, "errors": [ERROR]}, "dead"),
        ({"status": TaskResultStatus.SUCCESSFUL}, "done"),
    ],
)
def test_how_a_job_stands(alice, browser, kept, fields, state):
    name = jobs.name(alice, kept(**fields))

    response = browser(alice).get(f"/accounts/jobs/{name}/")

    assert response.json() == {"id": name, "state": state}  # and nothing of arguments and errors


def test_what_is_over_for_long_is_unknown(alice, browser, kept):
    id = kept()
    assert 0 < client.connection().ttl(keys.done(id)) <= 3600
    client.connection().delete(keys.done(id))

    assert browser(alice).get(f"/accounts/jobs/{jobs.name(alice, id)}/").json()["state"] == "unknown"


def test_a_job_of_a_task_that_is_gone_is_unknown(kept, monkeypatch):
    id = kept()
    monkeypatch.delattr("web.feed.tasks.make_thumbnail")

    assert jobs.state(id) == "unknown"


def test_a_backend_that_keeps_nothing_knows_nothing(alice, browser):
    assert browser(alice).get(f"/accounts/jobs/{jobs.name(alice, 'x')}/").json()["state"] == "unknown"


def test_it_takes_one_look_at_redis(alice, browser, kept):
    id, reader = kept(), browser(alice)
    reader.get(f"/accounts/jobs/{jobs.name(alice, id)}/")  # connects
    with connect().monitor() as monitor:
        reader.get(f"/accounts/jobs/{jobs.name(alice, id)}/")
        client.connection().ping()
        seen = list(takewhile(lambda command: command != "PING", (each["command"] for each in monitor.listen())))
    assert [command for command in seen if "cache:" not in command] == [f"GET {keys.done(id)}"]


def test_while_redis_is_away_nobody_knows(alice, browser, kept, monkeypatch):
    name, reader = jobs.name(alice, kept()), browser(alice)
    monkeypatch.setattr("worker.config.REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    away = connect()
    monkeypatch.setattr(client, "connection", lambda: away)

    response = reader.get(f"/accounts/jobs/{name}/")

    assert (response.status_code, response.json()) == (503, {"id": name, "state": "unknown"})
