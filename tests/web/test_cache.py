"""The cache is in a Redis of its own here, which is really killed, hung and started again (`server`)."""

import json
import logging
from threading import Barrier

import pytest
import redis
from django.core.cache import cache
from django.core.checks import run_checks
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import environment
from tests.web.outages import bring_back, hang, kill
from tests.web.races import at_once

OUTAGES = pytest.mark.parametrize("outage", [kill, hang])


def test_an_outage_looks_like_an_empty_cache(server):
    cache.set_many({"a": 1, "b": 2})
    kill(server)

    assert cache.get("a") is None
    assert cache.get("a", "default") == "default"
    assert cache.get_many(["a", "b"]) == {}
    assert "a" not in cache
    assert cache.touch("a") is False
    assert cache.delete("a") is False
    assert cache.delete_many(["a", "b"]) is None
    assert cache.set("a", 1) is None
    assert cache.set_many({"a": 1, "b": 2}) == []
    assert cache.get_or_set("a", 7) == 7
    assert cache.get_or_set("a", lambda: 8) == 8


def test_a_server_that_hangs_is_not_waited_for(server):
    cache.set("a", 1)
    hang(server)

    assert cache.get("a", "default") == "default"
    assert cache.set("a", 2) is None


def test_counting_without_a_cache_says_what_an_empty_cache_says(server):
    kill(server)

    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")


def test_clearing_without_a_cache_does_not_pretend_to_have_cleared_it(server):
    kill(server)

    with pytest.raises(redis.ConnectionError):
        cache.clear()


def test_nobody_is_signed_out_and_no_page_breaks(server, alice, browser, photo_by, caplog):
    post = photo_by(alice)
    reader = browser(alice)
    assert reader.is_signed_in

    kill(server)

    for page in ("/", "/explore/", "/people/alice/", post.get_absolute_url(), "/notifications/", "/accounts/settings/"):
        response = reader.get(page)
        assert response.status_code == 200
        assert response.wsgi_request.user == alice
    assert reader.post(f"/posts/{post.pk}/like/").status_code == 302
    warnings = [record for record in caplog.records if record.name == "web.cache"]
    assert {record.levelno for record in warnings} == {logging.WARNING}
    assert "the cache is away" in warnings[0].getMessage()


def test_an_outage_is_logged_now_and_then_and_not_at_every_call(server, caplog):
    kill(server)

    for _ in range(200):
        cache.get("a")

    assert 1 <= caplog.text.count("the cache is away") < 100


def test_one_can_sign_up_in_and_out_while_it_is_away(server, browser, password):
    kill(server)
    visitor = browser()
    form = {"username": "carol", "email": "", "password1": password, "password2": password}

    assert visitor.post("/accounts/signup/", form).status_code == 302
    assert visitor.is_signed_in
    visitor.post("/accounts/logout/")
    assert not visitor.is_signed_in
    visitor.post("/accounts/login/", {"username": "carol", "password": password})
    assert visitor.is_signed_in


@OUTAGES
def test_who_signed_out_during_an_outage_stays_signed_out_after_it(server, outage, alice, browser):
    reader, thief = browser(alice), browser()
    thief.cookies["sessionid"] = reader.cookies["sessionid"].value
    assert thief.is_signed_in

    outage(server)
    reader.post("/accounts/logout/")
    bring_back(server)

    assert not thief.is_signed_in


@OUTAGES
def test_what_was_missed_is_made_up_for(server, outage):
    cache.set_many({"set": "old", "deleted": "old", "untouched": "old"})

    outage(server)
    cache.set("set", "new")
    cache.delete("deleted")
    bring_back(server)

    assert cache.get("set") is None
    assert cache.get("deleted") is None
    assert cache.get("untouched") == "old"
    cache.set("set", "newer")
    assert cache.get("set") == "newer"


def test_a_write_that_a_full_server_refuses_is_made_up_for_too(server):
    client = redis.from_url(server.url)
    cache.set("a", "old")
    client.config_set("maxmemory", 1)

    cache.set("a", "new")

    client.config_set("maxmemory", 0)
    assert cache.get("a") is None


def test_threads_that_come_first_together_share_their_connections(server, monkeypatch):
    both, make = Barrier(2), redis.BlockingConnectionPool.from_url

    def late(*args, **options):
        both.wait(10)
        return make(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(redis.BlockingConnectionPool, "from_url", late)
        one, other = at_once(*[lambda: cache._cache.get_client(write=True).connection_pool] * 2)
    assert one is other


def test_an_error_of_our_own_is_not_hidden(server):
    cache.set("a", "text")

    with pytest.raises(redis.ResponseError):
        cache.incr("a")


def test_an_entry_lives_for_90_minutes_unless_said_otherwise(server):
    cache.set("usual", 1)
    cache.set("short", 1, 60)
    cache.set("forever", 1, None)

    client = redis.from_url(server.url)
    ttls = {key.decode().rpartition(":")[2]: client.ttl(key) for key in client.keys()}  # noqa: SIM118  (not a dict)
    assert 5390 < ttls["usual"] <= 5400
    assert 50 < ttls["short"] <= 60
    assert ttls["forever"] == -1


def test_clear_deletes_what_is_cached_and_leaves_the_jobs(server):
    client = redis.from_url(server.url)
    cache.set_many({f"key-{number}": number for number in range(2500)})
    client.lpush("mailers", json.dumps({"a": "job"}))
    client.set("cachet", "not ours")

    cache.clear()

    assert sorted(client.keys()) == [b"cachet", b"mailers"]


def test_by_default_the_cache_shares_the_redis_of_the_jobs_and_that_is_warned_of(settings):
    assert settings.CACHES["default"]["LOCATION"] == environment.redis.url
    settings.CACHE_URL = ""
    assert [warning.id for warning in run_checks() if warning.id.startswith("kickstand")] == ["kickstand.W001"]
    settings.CACHE_URL = "redis://elsewhere:6379/0"
    assert [warning.id for warning in run_checks() if warning.id.startswith("kickstand")] == []


def test_sessions_are_read_from_the_cache(alice, browser):
    reader = browser(alice)

    with CaptureQueriesContext(connection) as queries:
        assert reader.is_signed_in

    assert len(queries) > 0
    assert not [query for query in queries if "django_session" in query["sql"]]
