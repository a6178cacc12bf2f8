"""Jobs are called by what they do."""

import pytest

from web.jobs.titles import titles
from web.notifications.models import Activity
from worker import api


@pytest.fixture
def called(push, known):
    """The title of a job of this task."""

    def called(task, *args, **kwargs):
        push(task, *args, **kwargs)
        return titles(api.Queue("default").page().jobs)[-1]

    return called


@pytest.fixture
def activity(alice, bob, photo_by):
    photo_by(alice).like(bob)
    return Activity.objects.get()


def test_an_app_names_its_jobs(called, activity, alice, photo_by):
    task = "web.notifications.tasks.mail_activity"
    assert called(task, activity.pk) == "notifications: bob liked your photo → alice@example.com"
    assert called(task, activity_id=activity.pk) == "notifications: bob liked your photo → alice@example.com"
    welcome = called("web.accounts.tasks.mail_welcome", alice.pk)
    assert welcome == "accounts: Welcome to Kickstand, alice → alice@example.com"
    reset = called("web.accounts.tasks.mail_password_reset", [alice.pk, 0])
    assert reset == "accounts: Choose a new password for Kickstand → alice@example.com"
    assert called("web.accounts.tasks.mail_password_reset", []) == "accounts: mail_password_reset"
    assert called("web.feed.tasks.make_thumbnail", photo_by(alice).pk) == "feed: Thumbnail of a photo by alice"


def test_a_mail_is_called_by_its_subject(called):
    mail = {"subject": "Hello", "to": ["a@x"], "cc": ["b@x"]}
    assert called("worker.mail.deliver", mail) == "mail: Hello → a@x, b@x"


@pytest.mark.parametrize("args", [[0], ["nonsense"], [None], [], [[1]], [{"a": 1}]])
def test_what_is_gone_or_nonsense_is_called_by_its_task(called, activity, args):
    assert called("web.notifications.tasks.mail_activity", *args) == "notifications: mail_activity"


@pytest.mark.parametrize("task, title", [
    ("tests.chaos.tasks.run", "chaos: run"), ("tasks.count", "count"), ("celery.chord_unlock", "celery: chord_unlock"),
    ("alone", "alone"), ("web.feed.tasks.unknown", "feed: unknown"), ("os.tasks.system", "os: system"),
    ("web.notifications.tasks.Activity", "notifications: Activity"),
])  # fmt: skip
def test_other_tasks_are_called_by_their_name(called, task, title):
    assert called(task, 1) == title


def test_a_page_of_jobs_asks_the_database_once_for_each_task(push, known, activity, alice, django_assert_num_queries):
    for _ in range(12):
        push("web.notifications.tasks.mail_activity", activity.pk), push("web.accounts.tasks.mail_welcome", alice.pk)
    with django_assert_num_queries(2):
        titles(api.Queue("default").page().jobs)
