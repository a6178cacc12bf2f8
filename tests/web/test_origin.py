"""Jobs tell by whom and in which request they were enqueued."""

import json
import logging

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from web.accounts import jobs
from web.origin import middleware
from worker import job, message
from worker.log import JsonFormatter, TextFormatter


@pytest.fixture
def ask():
    """Have a request enqueue something: (the header of its job, the id in its answer)."""

    def ask(user, **headers):
        def view(request):
            found.append(json.loads(message.encoded("1", "tasks.count", [], {}, "default"))["headers"]["enqueued_by"])
            return HttpResponse()

        found = []
        request = RequestFactory().get("/", headers=headers)
        request.user = user
        response = middleware(view)(request)
        assert job.origin.get() is None
        return found[0], response.headers["X-Request-ID"]

    return ask


def test_user_and_id_of_the_request_are_noted(ask, alice):
    told, id = ask(alice)
    assert told == {"request": id, "user": "alice", "user_id": str(alice.pk)}
    assert len(id) == 36
    assert ask(alice)[1] != id


def test_the_id_of_the_router_is_taken_when_it_is_one(ask, alice):
    assert ask(alice, x_request_id="b2f0-4.a_9")[1] == "b2f0-4.a_9"
    for odd in ("x" * 101, "a b", "<script>", "é"):
        assert ask(alice, x_request_id=odd)[1] != odd


@pytest.fixture
def named():
    """The jobs that the answer names to a request of this user, which enqueues so many."""

    def named(user, count):
        def view(request):
            for number in range(count):
                job.origin.get().enqueued(f"job-{number}")
            return HttpResponse()

        request = RequestFactory().get("/")
        request.user = user
        header = middleware(view)(request).get("X-Job-IDs")
        return header and header.split(", ")

    return named


def test_the_answer_names_the_jobs_that_can_be_asked_after(named, alice):
    assert [jobs.opened(alice, name) for name in named(alice, 2)] == ["job-0", "job-1"]
    assert named(alice, 0) is None


def test_of_many_jobs_it_names_as_many_as_a_proxy_takes(named, alice):
    names = named(alice, 1000)

    assert [jobs.opened(alice, name) for name in names] == [f"job-{number}" for number in range(20)]
    assert len(", ".join(names)) < 4000


def test_a_stranger_is_named_none(named):
    assert named(AnonymousUser(), 1) is None


def test_nobody_is_none(ask):
    assert ask(AnonymousUser())[0]["user"] is None


def test_lines_of_the_log_tell_the_request_and_its_user(alice, django_assert_num_queries):
    def view(request):
        found.append(told(line))
        assert request.user == alice
        found.append(told(line))
        found.append(json.loads(JsonFormatter().format(line)))
        return HttpResponse()

    def told(line):
        return text.format(line).partition(": ")[2]

    found, line, text = [], logging.makeLogRecord({"msg": "oh"}), TextFormatter()
    request = RequestFactory().get("/", headers={"x-request-id": "r-12"})
    request.user = SimpleLazyObject(lambda: setattr(request, "_cached_user", alice) or alice)
    with django_assert_num_queries(0):
        middleware(view)(request)
    assert found[:2] == ["oh [request=r-12]", f"oh [request=r-12 user={alice.pk}]"]
    assert (found[2]["request"], found[2]["user"], found[2]["message"]) == ("r-12", str(alice.pk), "oh")
    assert told(line) == "oh"


def test_outside_requests_nobody_is_told():
    assert json.loads(message.encoded("1", "tasks.count", [], {}, "default"))["headers"]["enqueued_by"] is None
