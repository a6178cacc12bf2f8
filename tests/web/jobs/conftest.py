import pytest
from django.contrib.auth.models import Permission

from tests.worker.api.conftest import Worker
from worker import client, keys
from worker.api.connection import connection


@pytest.fixture
def redis():
    """The client of worker.api, with nothing in Redis."""
    redis = connection()
    redis.flushdb()
    yield redis
    redis.flushdb()


@pytest.fixture
def worker(redis):
    return Worker()


@pytest.fixture
def push(redis):
    """Put a job into Redis: `push("web.feed.tasks.make_thumbnail", 7, queue="default", seconds=60)`; returns its id."""

    def push(task="tasks.count", *args, queue="default", seconds=None, **kwargs):
        id, content = client.message(task, args, kwargs, queue=queue)
        client.send([client.Entry(id, queue, [content], seconds)])
        return id

    return push


@pytest.fixture
def fail(push, worker):
    """Jobs in retry or dead: `fail("dead", 3, error="KeyError")` gives their ids."""

    def fail(key, count=1, task="tasks.count", **options):
        ids = [push(task, number) for number in range(count)]
        for held in worker.fetch(count):
            worker.fail(held, {"retry": keys.RETRY, "dead": keys.DEAD}[key], **options)
        return ids

    return fail


@pytest.fixture
def may(staff):
    """Staff with permissions: `may("operate")`."""

    def may(*names):
        staff.user_permissions.set(
            Permission.objects.filter(codename__in=names, content_type__app_label="jobs"), clear=True
        )
        return staff

    return may


@pytest.fixture
def look(browser, staff, redis):
    """Open a page of the dashboard as somebody who may only look: its text."""

    def look(path="", status=200):
        response = browser(staff).get(f"/jobs/{path}")
        assert response.status_code == status, response.text
        return response.text

    return look


@pytest.fixture
def act(browser, may, redis):
    """Do something as an operator: the text of the page that follows."""

    def act(path, **fields):
        response = browser(may("operate")).post(f"/jobs/{path}", fields | {"next": "/jobs/"}, follow=True)
        assert response.redirect_chain == [("/jobs/", 302)], response.text
        return response.text

    return act


@pytest.fixture
def known(settings):
    """Celery knows the tasks of the apps, as it does where jobs go to Redis."""
    from web.accounts.tasks import mail_password_reset, mail_welcome
    from web.feed.tasks import make_thumbnail
    from web.notifications.tasks import mail_activity
    from worker.mail import deliver

    settings.TASKS = {"default": settings.TASKS["default"] | {"BACKEND": "worker.backend.QueueBackend"}}
    for task in (mail_welcome, mail_password_reset, make_thumbnail, mail_activity, deliver):
        task.get_backend().register(task)
