"""The job that mails an activity: the world may have moved on since it was enqueued."""

import logging

import pytest
from django.tasks import task_backends
from django.test import override_settings

from tests.servers import free_port
from web.feed.models import Follow
from web.letters.models import Letter
from web.notifications.models import Activity
from web.notifications.tasks import mail_activity

pytestmark = pytest.mark.django_db


@pytest.fixture
def liked(alice, bob, photo_by):
    """Bob's like of Alice's photo; its job has not run."""
    photo_by(alice).like(bob)
    return Activity.objects.get()


@pytest.fixture
def enqueue():
    """The job of an activity, held back: its test is never committed, so it is not pushed."""
    return lambda activity: mail_activity.enqueue(activity.pk)


@pytest.fixture
def run(caplog):
    """Run a job here and now."""
    caplog.set_level(logging.INFO)
    return lambda job: task_backends["default"].execute(job)


@pytest.fixture
def away(settings):
    """No server takes mail: `with away()`."""

    def away():
        nowhere = {"BACKEND": "worker.mail.SmtpMailer", "OPTIONS": {"host": "127.0.0.1", "port": free_port()}}
        return override_settings(MAILERS=settings.MAILERS | {"delivery": nowhere})

    return away


def test_it_runs_on_mailers():
    assert mail_activity.queue_name == "mailers"


def test_two_jobs_for_one_activity_send_one_mail(liked, enqueue, run, caplog):
    first, second = enqueue(liked), enqueue(liked)

    run(first)
    run(second)

    assert Letter.objects.count() == 1
    assert f"skipped mail of activity {liked.pk}" in caplog.text


def test_a_job_that_could_not_send_may_try_again_and_no_other_may(liked, enqueue, run, away, caplog):
    first, second = enqueue(liked), enqueue(liked)
    with away():
        run(first)
    assert "ConnectionRefusedError" in caplog.text

    run(second)
    assert not Letter.objects.exists()
    run(first)
    assert Letter.objects.count() == 1


def test_what_was_sent_before_it_was_undone_is_not_mailed_again_though_its_job_runs_again(
    liked, enqueue, run, django_capture_on_commit_callbacks
):
    """As when its worker is killed before it has told that the job is done."""
    job, post, bob = enqueue(liked), liked.target, liked.actor
    with django_capture_on_commit_callbacks(execute=True):
        run(job)
    post.unlike(bob)
    run(job)

    with django_capture_on_commit_callbacks(execute=True):
        post.like(bob)

    assert Letter.objects.count() == 1


def test_what_is_done_again_while_its_job_gives_the_mail_back_is_mailed(liked, enqueue, run, away, monkeypatch):
    job, post, bob = enqueue(liked), liked.target, liked.actor
    with away():
        run(job)
    post.unlike(bob)
    give_back = Activity.give_back_mail
    monkeypatch.setattr(Activity, "give_back_mail", lambda *args: post.like(bob) or give_back(*args))

    run(job)

    assert Letter.objects.count() == 1


def test_what_is_undone_right_before_it_is_mailed_is_skipped(liked, enqueue, run, monkeypatch, caplog):
    send = Activity.send_mail
    monkeypatch.setattr(Activity, "send_mail", lambda activity, id: undo(activity) or send(activity, id))

    run(enqueue(liked))

    assert not Letter.objects.exists()
    assert "skipped" in caplog.text


def undo(activity):
    activity.target.unlike(activity.actor)


def want_no_mail(activity):
    activity.recipient.wants_mail = False
    activity.recipient.save()


def lose_the_address(activity):
    activity.recipient.email = ""
    activity.recipient.save()


def leave(activity):
    activity.recipient.is_active = False
    activity.recipient.save()


@pytest.mark.parametrize(
    "happens",
    [
        undo,
        want_no_mail,
        lose_the_address,
        leave,
        lambda activity: activity.target.delete(),
        lambda activity: activity.actor.delete(),
        lambda activity: activity.recipient.delete(),
    ],
    ids=["undone", "unwanted", "no address", "inactive", "photo gone", "actor gone", "recipient gone"],
)
def test_a_mail_that_makes_no_sense_any_more_is_skipped_and_that_is_logged(liked, enqueue, run, caplog, happens):
    job, number = enqueue(liked), liked.pk
    happens(liked)

    run(job)

    assert not Letter.objects.exists()
    assert f"skipped mail of activity {number}" in caplog.text
    assert "failed" not in caplog.text


def test_a_comment_that_is_gone_is_skipped(alice, bob, photo_by, enqueue, run, caplog):
    comment = photo_by(alice).comment(bob, "hi")
    job = enqueue(Activity.objects.get())
    comment.delete()

    run(job)

    assert not Letter.objects.exists()
    assert "skipped" in caplog.text


def test_a_follow_that_was_undone_is_skipped(alice, bob, enqueue, run, caplog):
    Follow.begin(bob, alice)
    job = enqueue(Activity.objects.get())
    Follow.end(bob, alice)

    run(job)

    assert not Letter.objects.exists()
    assert "skipped" in caplog.text


def test_what_was_undone_and_done_again_before_the_job_ran_is_mailed_once(liked, enqueue, run):
    first = enqueue(liked)
    post, bob = liked.target, liked.actor
    post.unlike(bob)
    post.like(bob)
    second = enqueue(liked)

    run(first)
    run(second)

    assert Letter.objects.count() == 1


@pytest.mark.parametrize("tried", [False, True])
def test_what_was_skipped_while_undone_is_mailed_when_done_again(
    liked, enqueue, run, away, django_capture_on_commit_callbacks, tried
):
    """Whether or not its job had failed to send it before."""
    job, post, bob = enqueue(liked), liked.target, liked.actor
    if tried:
        with away():
            run(job)
    post.unlike(bob)
    run(job)
    assert not Letter.objects.exists()

    with django_capture_on_commit_callbacks(execute=True):
        post.like(bob)

    assert Letter.objects.count() == 1


@pytest.mark.parametrize("language", ["en", "ja", "ko"])
def test_it_speaks_the_language_of_the_recipient(liked, alice, enqueue, run, language):
    alice.language = language
    alice.save()

    run(enqueue(liked))

    letter = Letter.objects.get()
    assert letter.subject.isascii() == (language == "en")
    assert f'<html lang="{language}">' in letter.html
