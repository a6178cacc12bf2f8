"""The same route as that of the edge, on its own: see tests/stack/test_edge.py for both side by side."""

import json

import pytest
import redis

from tests import environment
from web.hooks import views
from web.hooks.models import Delivery
from web.hooks.signature import job_id
from web.throttle import Rate
from worker.models import Outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def committed(send, django_capture_on_commit_callbacks):
    def send_and_commit(*args, **options):
        with django_capture_on_commit_callbacks(execute=True):
            return send(*args, **options)

    return send_and_commit


def test_a_message_is_queued_under_an_id_that_is_its_own(committed, queue):
    answer = committed(b'{"a": 1}', id="msg_1")

    assert (answer.status_code, answer.json()) == (202, {"id": job_id("example", "msg_1")})
    assert queue("default") == ["web.hooks.tasks.receive"]
    with redis.from_url(environment.redis.url) as server:
        assert json.loads(server.lindex("default", 0))["headers"]["id"] == answer.json()["id"]


def test_one_that_comes_again_is_queued_once(committed, queue):
    assert committed().json() == committed().json()
    assert len(queue("default")) == 1


def test_without_redis_it_waits_in_the_database(committed, queue, monkeypatch):
    def away(*_):
        raise redis.ConnectionError("away")

    monkeypatch.setattr("worker.client.send", away)

    answer = committed()

    assert answer.status_code == 202
    assert Outbox.objects.get().token == answer.json()["id"]


def test_a_job_that_is_run_here_stores_it(committed):
    assert committed(b'{"a": 1}').status_code == 202

    assert Delivery.objects.get().content == {"a": 1}


def test_what_is_not_signed_is_refused(send):
    assert send(secret=bytes(24)).status_code == 403
    assert not Delivery.objects.exists()


def test_a_hook_without_a_secret_is_not_there(send, settings):
    settings.HOOK_SECRETS = {}

    assert send().status_code == 404


def test_too_much_is_refused(send):
    answer = send(b"a" * (views.MOST + 1))

    assert (answer.status_code, answer.json()) == (413, {"error": "send at most 262144 bytes"})


def test_too_many_are_told_to_wait(send, settings, monkeypatch):
    settings.HOOK_RATE = 2
    asked = []
    monkeypatch.setattr(views, "Rate", lambda *args: asked.append(args) or Rate("hook", "2 per minute"))

    answers = [send(id=str(number)) for number in range(3)]

    assert asked == [("hook", "2 per second")] * 3
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
