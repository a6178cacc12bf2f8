"""Mails to people (web/mail.py) on their whole way: from a template through the queue to an inbox."""

import pytest
from django.core.mail import send_mail
from django.template.loader import get_template

from web import mail
from web.letters.models import Letter
from web.notifications.models import Activity

EVIL = "<b onclick=alert(1)>'\"&"
TEMPLATES = ["accounts/mail/welcome", "accounts/mail/password_reset", "notifications/mail/activity"]


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """What runs inside commits: `with committed():`."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def send(committed, bob, photo_by):
    """Send a user each of our mails; bob's comment is the activity."""

    def send(user, template):
        photo_by(user, "a caption").comment(bob, "a comment")
        context = {"uid": "uid", "token": "to-ken", "activity": Activity.objects.get()}
        with committed():
            Letter.objects.all().delete()
            mail.send(user, template, **context)
        return Letter.objects.get()

    return send


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_has_a_subject_a_text_and_a_page(alice, send, settings, template):
    letter = send(alice, template)

    assert letter.subject
    assert "\n" not in letter.subject
    assert "alice" in letter.text
    assert "<" not in letter.text
    assert letter.html.lstrip().startswith("<!doctype html>")
    assert letter.html.rstrip().endswith("</html>")
    for part in (letter.text, letter.html):
        assert f"{settings.SITE_URL}/" in part
        assert "{{" not in part
        assert "{%" not in part
    assert letter.recipients == "alice@example.com"
    assert letter.sender == settings.DEFAULT_FROM_EMAIL


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_links_to_pages_that_are_there(alice, send, settings, browser, template):
    from re import findall

    letter = send(alice, template)

    for address in findall(rf"{settings.SITE_URL}(/[^\s\"<]*)", letter.text + letter.html):
        assert browser(alice).get(address, follow=True).status_code == 200, address


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_name_that_is_html_is_harmless_in_the_page_and_plain_in_the_text(person, send, template):
    letter = send(person(EVIL, email="evil@example.com"), template)

    assert EVIL in letter.text
    assert "<b onclick" not in letter.html


def test_captions_and_comments_that_are_html_are_harmless_in_the_page_and_plain_in_the_text(
    alice, person, photo_by, committed
):
    post, mallory = photo_by(alice, f"caption {EVIL}"), person(EVIL, email="")
    with committed():
        post.like(mallory)
        post.comment(mallory, f"comment {EVIL}\nsecond line")

    liked, commented = Letter.objects.order_by("id")

    assert liked.subject == f"{EVIL} liked your photo"
    assert f"{EVIL} liked your photo" in liked.text
    assert f"comment {EVIL}\nsecond line" in commented.text.replace("\r\n", "\n")
    assert "caption &lt;b onclick" in liked.html
    assert "comment &lt;b onclick" in commented.html
    assert "<b onclick" not in liked.html + commented.html


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", ["subject.txt", "txt"])
def test_no_text_is_escaped_as_if_it_were_html(alice, send, template, kind):
    source = get_template(f"{template}.{kind}").template.source

    assert "{% autoescape off %}" in source


def test_a_mail_of_a_job_is_delivered_by_that_job(jobs, browser, password):
    form = {"username": "carol", "email": "carol@example.com", "password1": password, "password2": password}

    browser().post("/accounts/signup/", form)

    assert jobs == ["web.accounts.tasks.mail_welcome"]
    assert Letter.objects.count() == 1


def test_a_mail_of_an_activity_is_delivered_by_its_job(jobs, alice, bob, browser, photo_by):
    browser(bob).post(f"/posts/{photo_by(alice).pk}/like/")

    assert jobs == ["web.notifications.tasks.mail_activity"]
    assert Letter.objects.count() == 1


def test_a_mail_of_a_job_of_a_request_is_no_second_job(jobs, alice, browser):
    browser().post("/accounts/password/reset/", {"email": "alice@example.com"})

    assert jobs == ["web.accounts.tasks.mail_password_reset"]
    assert Letter.objects.count() == 1


def test_a_mail_of_a_request_waits_on_mailers(queue, db, committed):
    with committed():
        send_mail("Hello", "text", None, ["a@example.com"])

    assert queue("mailers") == ["worker.mail.deliver"]
    assert queue("default") == []
    assert not Letter.objects.exists()


def test_a_mail_of_what_is_rolled_back_is_not_sent(jobs, db, committed):
    from django.db import transaction

    with committed(), transaction.atomic():
        send_mail("Hello", "text", None, ["a@example.com"])
        transaction.set_rollback(True)

    assert jobs == []
