"""Staff may look, operators may act, machines may read numbers, and nobody else may do anything."""

import pytest
from django.contrib.auth.models import Permission

from web.jobs.urls import urlpatterns
from worker import api, config

PAGES = ["", "busy/", "queues/", "queues/default/", "scheduled/", "retries/", "dead/", "dead/groups/", "periodic/",
         "metrics/", "metrics/tasks.count/", "ledger/"]  # fmt: skip
ACTIONS = ["run/", "kill/", "delete/", "undo/", "pause/", "resume/", "quiet/", "stop/", "stop-job/", "periodic/pause/",
           "periodic/resume/", "periodic/run/", "rescue/", "dead/groups/try/", "dead/groups/release/",
           "dead/groups/halt/"]  # fmt: skip
NUMBERS = ["stats", "queues/default/latency"]


def test_every_address_is_one_that_these_tests_know():
    others = ["job/<path:id>/", "job/<path:id>/mail"]
    routes = [str(each.pattern).replace("<path:queue>", "default").replace("<path:task>", "tasks.count") for each in urlpatterns]  # fmt: skip  # noqa: E501
    assert sorted(routes) == sorted(PAGES + ACTIONS + NUMBERS + others)


@pytest.mark.parametrize("path", PAGES + NUMBERS)
def test_a_stranger_gets_the_sign_in_page(browser, redis, path):
    response = browser().get(f"/jobs/{path}")
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next=/jobs/{path}")


@pytest.mark.parametrize("path", PAGES + NUMBERS)
def test_who_is_not_staff_is_turned_away_whatever_they_may(browser, alice, redis, path, settings):
    settings.DEBUG = settings.DEMO = True
    alice.user_permissions.set(Permission.objects.filter(content_type__app_label="jobs"))
    visitor = browser(alice)
    assert visitor.get(f"/jobs/{path}").status_code == 403
    assert visitor.is_signed_in


@pytest.mark.parametrize("path", PAGES)
def test_staff_may_look_and_finds_nothing_to_press(browser, staff, fail, push, worker, path):
    fail("retry", 2), fail("dead", 2)
    push(seconds=600), push(), push()
    worker.fetch(1)
    page = browser(staff).get(f"/jobs/{path}")
    assert page.status_code == 200
    assert page.text.count("<form") - page.text.count('role="search"') - page.text.count('class="picking"') == 1
    assert 'action="/accounts/logout/"' in page.text
    assert "formaction" not in page.text and 'type="checkbox"' not in page.text


@pytest.mark.parametrize("path", ACTIONS)
def test_staff_without_the_permission_may_not_act(browser, may, push, path):
    push()
    fields = {"place": "default", "scope": "all", "process": "", "name": "x", "group": "x", "rate": "5"}
    assert browser(may("view", "view_mail")).post(f"/jobs/{path}", fields).status_code == 403
    assert api.Queue("default").size() == 1
    assert api.queues()[0].paused is False


@pytest.mark.parametrize("path", ACTIONS)
def test_who_is_not_staff_may_not_act_even_with_the_permission(browser, alice, redis, path):
    alice.user_permissions.set(Permission.objects.filter(content_type__app_label="jobs"))
    assert browser(alice).post(f"/jobs/{path}").status_code == 403
    assert browser().post(f"/jobs/{path}").status_code == 302


def test_a_forged_post_is_refused(browser, may, push):
    push()
    forged = browser(may("operate"), enforce_csrf_checks=True).post(
        "/jobs/delete/", {"place": "default", "scope": "all"}
    )
    assert forged.status_code == 403
    assert api.Queue("default").size() == 1


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize("token, sent, status", [
    ("t0ken", "Bearer t0ken", 200), ("t0ken", "bearer t0ken", 200), ("t0ken", "Bearer wrong", 401),
    ("t0ken", "Basic t0ken", 401), ("t0ken", "Bearer ", 401), ("", "Bearer ", 401), ("t0ken", "Bearer tök", 401),
])  # fmt: skip
def test_a_machine_shows_its_token(browser, redis, settings, path, token, sent, status):
    settings.METRICS_TOKEN = token
    response = browser().get(f"/jobs/{path}", headers={"authorization": sent})
    assert response.status_code == status
    assert ("WWW-Authenticate" in response) == (status == 401)


@pytest.mark.parametrize("path", PAGES)
def test_the_token_opens_no_page(browser, redis, settings, path):
    settings.METRICS_TOKEN = "t0ken"
    assert browser().get(f"/jobs/{path}", headers={"authorization": "Bearer t0ken"}).status_code == 302


@pytest.mark.parametrize("path", PAGES)
def test_a_page_keeps_to_its_policy_and_asks_no_other_host(browser, may, fail, push, path):
    fail("dead", 2), push(queue="nobody")
    response = browser(may("operate")).get(f"/jobs/{path}")
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert " style=" not in response.text and " onclick=" not in response.text
    assert "<script>" not in response.text and "http://" not in response.text and "https://" not in response.text


@pytest.mark.parametrize("path", PAGES + NUMBERS)
def test_redis_that_is_away_is_said(browser, staff, monkeypatch, path):
    from worker.api import connection

    monkeypatch.setattr(config, "REDIS_URL", "redis://user:hunter2@127.0.0.1:1/0")
    connection.connection.cache_clear(), connection.scripts.cache_clear()
    try:
        response = browser(staff).get(f"/jobs/{path}")
    finally:
        monkeypatch.undo()
        connection.connection.cache_clear(), connection.scripts.cache_clear()
    assert response.status_code == 503
    assert "The jobs Redis does not answer" in response.text and "hunter2" not in response.text


@pytest.mark.parametrize("path", PAGES)
def test_on_stock_celery_it_says_what_is_missing(browser, staff, monkeypatch, path):
    monkeypatch.setattr(config, "ENGINE", "celery")
    monkeypatch.setattr(config, "BROKER_URL", "amqp://user:hunter2@127.0.0.1:1/")
    page = browser(staff).get(f"/jobs/{path}")
    assert page.status_code == 200
    assert "These jobs run on stock Celery" in page.text and "hunter2" not in page.text
