"""Attempts are counted in the Redis of the cache, which is really killed and hung here (`server`)."""

import time

import pytest
import redis
from django.http import HttpResponse
from django.test import RequestFactory

from tests.web.outages import bring_back, hang, kill
from tests.web.races import at_once
from web.throttle import Rate, TooMany, limited

WHERE = pytest.mark.parametrize("outage", [None, kill, hang], ids=["redis", "killed", "hung"])


@pytest.fixture
def rate():
    return Rate("test", "3 per 15 minutes")


def took(rate, *who):
    try:
        rate.take(*who)
    except TooMany:
        return False
    return True


@WHERE
def test_after_so_many_attempts_it_ends(server, rate, outage):
    if outage:
        outage(server)

    assert [took(rate, "alice") for _ in range(5)] == [True, True, True, False, False]
    assert took(rate, "bob")
    assert took(Rate("other", "3 per 15 minutes"), "alice")


@pytest.mark.parametrize("outage", [kill, hang], ids=["killed", "hung"])
def test_many_at_once_are_all_counted_without_it(server, outage):
    outage(server)
    count_many()


def test_many_at_once_are_all_counted(patient_server):
    count_many()


def count_many():
    rate = Rate("test", "20 per 15 minutes")
    for _ in range(3):
        rate.take("alice")

    assert sum(at_once(*[lambda: took(rate, "alice")] * 32)) == 17


@WHERE
def test_what_was_no_attempt_is_given_back(server, rate, outage):
    if outage:
        outage(server)

    for _ in range(4):
        rate.take("alice")
        rate.give_back("alice")
    assert [took(rate, "alice") for _ in range(4)] == [True, True, True, False]


def test_what_is_forgotten_begins_anew(server, rate):
    for _ in range(5):
        took(rate, "alice")

    rate.forget("alice")

    assert [took(rate, "alice") for _ in range(4)] == [True, True, True, False]


def test_the_window_begins_with_the_first_attempt_and_is_not_made_longer(server):
    rate = Rate("test", "1 per 2 seconds")
    start = time.time()
    rate.take("alice")
    while not took(rate, "alice"):
        assert time.time() < start + 30
        time.sleep(0.05)

    assert time.time() >= start + 1.9


def test_nothing_of_who_it_was_can_be_read_and_everything_runs_out(server, rate):
    rate.take("alice", "a password typed into the wrong field")
    rate.give_back("bob")

    client = redis.from_url(server.url)
    keys = client.keys()
    assert len(keys) == 2
    assert all(key.startswith(b"cache:attempts:") and 0 < client.ttl(key) <= 900 for key in keys)
    assert not any(b"alice" in key or b"password" in key for key in keys)


def test_names_do_not_run_into_each_other(server, rate):
    assert [took(rate, "a", "bc") for _ in range(3)] == [True] * 3
    assert took(rate, "ab", "c")


def test_an_outage_is_told_and_counting_goes_on_in_redis_after_it(server, rate, caplog):
    kill(server)
    assert [took(rate, "alice") for _ in range(4)] == [True, True, True, False]
    assert "counted in this process alone" in caplog.text

    bring_back(server)

    assert [took(rate, "alice") for _ in range(4)] == [True, True, True, False]
    assert redis.from_url(server.url).keys("cache:attempts:*")


@WHERE
def test_the_answer_says_when_to_try_again(server, rate, outage):
    @limited
    def view(request):
        rate.take("alice")
        return HttpResponse("done")

    if outage:
        outage(server)
    request = RequestFactory().get("/accounts/login/")
    assert [view(request).text for _ in range(3)] == ["done"] * 3

    answer = view(request)

    assert answer.status_code == 429
    assert 800 < int(answer.headers["Retry-After"]) <= 900
    assert answer.headers["Cache-Control"] == "no-store"
    assert "You can try again in 15 minutes." in answer.text
