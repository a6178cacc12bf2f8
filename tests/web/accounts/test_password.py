import base64
import json
import logging
import re

import pytest
import redis
from django.db import transaction

from tests import environment
from web.letters.models import Letter

NEW = "a new horse battery staple"


@pytest.fixture
def ask(browser):
    """Ask for a reset by address."""
    return lambda email: browser().post("/accounts/password/reset/", {"email": email})


def link(letter):
    return re.search(r"https?://\S+", letter.text)[0]


def path(letter):
    return re.search(r"/accounts/password/reset/\S+", letter.text)[0]


@pytest.fixture
def choose(browser):
    """Open the link of a letter and choose a password; the last page."""

    def choose(letter, password=NEW):
        visitor = browser()
        page = visitor.get(path(letter), follow=True)
        if page.redirect_chain:
            typed = {"new_password1": password, "new_password2": password}
            page = visitor.post(page.redirect_chain[-1][0], typed, follow=True)
        return page

    return choose


def signs_in(browser, username, password):
    visitor = browser()
    visitor.post("/accounts/login/", {"username": username, "password": password})
    return visitor.is_signed_in


def test_changing_it_needs_the_old_one(alice, browser, password):
    typed = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}

    response = browser(alice).post("/accounts/password/", typed)

    assert "old_password" in response.context["form"].errors
    assert signs_in(browser, "alice", password)


def test_changing_it_ends_all_sessions_but_this_one(alice, browser, password):
    here, elsewhere = browser(alice), browser(alice)
    typed = {"old_password": password, "new_password1": NEW, "new_password2": NEW}

    here.post("/accounts/password/", typed)

    assert here.is_signed_in
    assert not elsewhere.is_signed_in
    assert signs_in(browser, "alice", NEW)
    assert not signs_in(browser, "alice", password)


def test_a_weak_one_is_refused(alice, browser, password):
    typed = {"old_password": password, "new_password1": "alice", "new_password2": "alice"}

    response = browser(alice).post("/accounts/password/", typed)

    assert "new_password2" in response.context["form"].errors


def test_a_reset_mails_a_link_that_sets_a_new_one(alice, ask, browser, choose, password):
    ask("alice@example.com")

    letter = Letter.objects.get()
    assert letter.recipients == "alice@example.com"
    assert "alice" in letter.text
    assert path(letter) in letter.html
    choose(letter)
    assert signs_in(browser, "alice", NEW)
    assert not signs_in(browser, "alice", password)


def test_the_link_works_once(alice, ask, browser, choose):
    ask("alice@example.com")
    choose(Letter.objects.get())

    page = choose(Letter.objects.get(), "yet another battery staple")

    assert page.status_code == 200
    assert not page.context["validlink"]
    assert signs_in(browser, "alice", NEW)


def test_the_link_of_a_reset_dies_when_the_password_changes(alice, ask, choose):
    ask("alice@example.com")
    alice.set_password("something else entirely")
    alice.save()

    assert not choose(Letter.objects.get()).context["validlink"]


def test_a_reset_ends_all_sessions(alice, ask, browser, choose):
    reader = browser(alice)
    ask("alice@example.com")

    choose(Letter.objects.get())

    assert not reader.is_signed_in


@pytest.mark.parametrize("email", ["nobody@example.com", "carol@example.com", "alice@example.com"])
def test_the_answer_does_not_tell_whether_an_account_exists(alice, person, ask, email):
    person("carol", is_active=False)

    response = ask(email)

    assert response["Location"] == "/accounts/password/reset/sent/"
    assert Letter.objects.count() == (email == "alice@example.com")


@pytest.mark.parametrize("email", ["", "alice", "x" * 10_240 + "@example.com", "alice@example.com\nBcc: a@b.example"])
def test_what_is_no_address_is_refused(alice, ask, email):
    response = ask(email)

    assert "email" in response.context["form"].errors
    assert not Letter.objects.exists()


def test_two_accounts_with_one_address_each_get_their_own_link(alice, person, ask, browser, choose, password):
    carol = person("carol", email="alice@example.com")

    ask("Alice@Example.com")

    assert set(Letter.objects.values_list("user", flat=True)) == {alice.pk, carol.pk}
    choose(Letter.objects.get(user=carol))
    assert signs_in(browser, "carol", NEW)
    assert signs_in(browser, "alice", password)


def test_the_letter_goes_to_the_address_of_the_account_not_to_the_one_that_was_typed(person, ask):
    person("carol", email="mike@example.org")

    ask("mıke@example.org")  # a dotless i, which some databases and languages take for an i

    assert set(Letter.objects.values_list("recipients", flat=True)) <= {"mike@example.org"}


def test_the_link_leads_to_our_site_whatever_the_request_said(alice, browser, settings):
    settings.SITE_URL = "https://photos.example.com"
    settings.ALLOWED_HOSTS = ["*"]

    browser().post("/accounts/password/reset/", {"email": "alice@example.com"}, headers={"host": "evil.example"})

    assert link(Letter.objects.get()).startswith("https://photos.example.com/accounts/password/reset/")
    assert "evil" not in Letter.objects.get().html


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_it_is_one_job_on_mailers_whether_or_not_there_is_anybody_to_mail(alice, ask, queue, email):
    ask(email)

    assert queue("mailers") == ["web.accounts.tasks.mail_password_reset"]
    assert not Letter.objects.exists()


def test_neither_link_nor_address_lies_in_the_queue(alice, ask, queue):
    ask("alice@example.com")

    waiting = redis.from_url(environment.redis.url).lindex("mailers", 0)
    assert json.loads(base64.b64decode(json.loads(waiting)["body"]))[0] == [[alice.pk]]
    assert b"alice@example.com" not in waiting


def test_a_mailbox_is_not_flooded_and_the_answer_stays_the_same(alice, ask):
    answers = {ask(email)["Location"] for email in ["alice@example.com", "Alice@Example.com"] * 4}

    assert answers == {"/accounts/password/reset/sent/"}
    assert Letter.objects.count() == 5


def test_asking_over_and_over_ends(ask):
    answers = [ask(f"person{number}@example.com") for number in range(31)]

    assert [answer.status_code for answer in answers] == [302] * 30 + [429]


def test_the_password_is_not_guessed_from_within_a_session(alice, browser, password):
    thief = browser(alice)
    typed = {"new_password1": NEW, "new_password2": NEW}
    for _ in range(10):
        assert thief.post("/accounts/password/", typed | {"old_password": "wrong"}).status_code == 200

    assert thief.post("/accounts/password/", typed | {"old_password": password}).status_code == 429
    assert thief.post("/accounts/delete/", {"password": password}).status_code == 429
    assert signs_in(browser, "alice", password)


def test_no_log_line_holds_the_link(alice, ask, caplog):
    caplog.set_level(logging.DEBUG)

    ask("alice@example.com")

    token = path(Letter.objects.get()).rstrip("/").rpartition("/")[2]
    assert "done web.accounts.tasks.mail_password_reset" in caplog.text
    assert token not in caplog.text
    assert "alice@example.com" not in caplog.text


def test_a_reset_of_somebody_who_is_gone_meanwhile_is_no_error(transactional_db, alice, client, caplog):
    with transaction.atomic():
        client.post("/accounts/password/reset/", {"email": "alice@example.com"})
        alice.delete()

    assert "done web.accounts.tasks.mail_password_reset" in caplog.text
    assert "failed" not in caplog.text
    assert not Letter.objects.exists()


def test_a_link_that_we_never_gave_is_told_so(alice, browser):
    visitor = browser()
    for uid in ("x", "MQ", "Nw", "AAAA", "x" * 5000, "%00", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk"):
        for token in ("set-password", "x", "x-x", "d0-0000", "%00-%00"):
            response = visitor.get(f"/accounts/password/reset/{uid}/{token}/")
            assert response.status_code == 200
            assert not response.context["validlink"]
