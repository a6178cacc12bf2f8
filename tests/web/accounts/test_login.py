from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import hashers
from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone

from tests.web.accounts.test_signup import ELSEWHERE
from tests.web.outages import hang, kill
from web.accounts.tasks import clear_sessions


def test_the_right_password_opens(alice, browser, password):
    visitor = browser()

    response = visitor.post("/accounts/login/", {"username": "alice", "password": password})

    assert response["Location"] == "/"
    assert visitor.is_signed_in


@pytest.mark.parametrize(
    "username, password",
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("nobody", "correct horse battery staple"),
        ("x" * 10_240, "correct horse battery staple"),
        ("alice\x00", "correct horse battery staple"),
        ("alice", "x" * 10_240),
        ("<script>alert(1)</script>", "x"),
    ],
)
def test_nothing_else_does(alice, browser, username, password):
    visitor = browser()

    response = visitor.post("/accounts/login/", {"username": username, "password": password})

    assert response.status_code == 200
    assert response.context["form"].errors
    assert "<script>alert" not in response.text
    assert not visitor.is_signed_in


@pytest.mark.parametrize("username", ["alice", "ALICE", "Alice"])
def test_the_case_of_a_name_does_not_matter(alice, browser, password, username):
    visitor = browser()

    visitor.post("/accounts/login/", {"username": username, "password": password})

    assert visitor.get("/explore/").context["user"] == alice


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_the_site_speaks_the_language_of_who_signs_in(person, browser, password, language):
    person("carol", language=language)
    visitor = browser()

    page = visitor.post("/accounts/login/", {"username": "carol", "password": password}, follow=True)

    assert f'<html lang="{language}">' in page.text


def test_an_unknown_name_and_a_wrong_password_are_told_the_same(alice, browser):
    errors = [
        browser().post("/accounts/login/", {"username": name, "password": "wrong"}).context["form"].errors
        for name in ("alice", "nobody")
    ]

    assert errors[0] == errors[1]


def test_an_inactive_user_stays_outside(person, browser, password):
    person("carol", is_active=False)
    visitor = browser()

    visitor.post("/accounts/login/", {"username": "carol", "password": password})

    assert not visitor.is_signed_in


def test_who_is_made_inactive_is_signed_out(alice, browser):
    reader = browser(alice)
    assert reader.is_signed_in

    alice.is_active = False
    alice.save()

    assert not reader.is_signed_in


def test_signing_in_goes_on_to_next(alice, browser, password):
    typed = {"username": "alice", "password": password, "next": "/explore/?before=9"}

    assert browser().post("/accounts/login/", typed)["Location"] == "/explore/?before=9"


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_next_never_leads_away(alice, browser, password, elsewhere):
    typed = {"username": "alice", "password": password, "next": elsewhere}

    assert browser().post("/accounts/login/", typed)["Location"] == "/"
    assert browser(alice).get("/accounts/login/", {"next": elsewhere})["Location"] == "/"
    assert browser(alice).post("/accounts/logout/", {"next": elsewhere})["Location"] == "/"


def test_who_is_signed_in_already_is_sent_on(alice, browser):
    assert browser(alice).get("/accounts/login/")["Location"] == "/"


def test_signing_out_ends_the_session_for_a_stolen_cookie_too(alice, browser):
    reader, thief = browser(alice), browser()
    thief.cookies["sessionid"] = reader.cookies["sessionid"].value
    assert thief.is_signed_in

    reader.post("/accounts/logout/")

    assert not reader.is_signed_in
    assert not thief.is_signed_in


def test_a_link_cannot_sign_somebody_out(alice, browser):
    reader = browser(alice)

    assert reader.get("/accounts/logout/").status_code == 405
    assert reader.is_signed_in


@pytest.mark.filterwarnings("ignore::django.core.cache.CacheKeyWarning")
@pytest.mark.parametrize("cookie", ["", "x", "x" * 4000, "'; DROP TABLE accounts_user; --"])
def test_a_cookie_that_we_never_gave_is_nobodys(db, browser, cookie):
    visitor = browser()
    visitor.cookies["sessionid"] = cookie

    assert not visitor.is_signed_in


def test_signing_in_changes_the_session_so_that_one_planted_before_is_nobodys(alice, browser, password):
    victim, attacker = browser(), browser()
    victim.cookies["sessionid"] = planted = attacker.session.session_key
    attacker.cookies["sessionid"] = planted

    victim.post("/accounts/login/", {"username": "alice", "password": password})

    assert victim.is_signed_in
    assert victim.cookies["sessionid"].value != planted
    assert not attacker.is_signed_in


def test_a_session_ends_after_two_weeks_and_is_deleted_then(alice, browser):
    browser(alice)
    session = Session.objects.get()
    assert 13 < (session.expire_date - timezone.now()).total_seconds() / 86_400 <= 14
    clear_sessions.func()
    assert Session.objects.exists()

    Session.objects.update(expire_date=timezone.now())
    clear_sessions.func()

    assert not Session.objects.exists()


# How often it may be tried


@pytest.fixture
def guess(browser):
    """Try to sign in from an address: the answer's status, which is 302 for the right password."""

    def guess(name, password="wrong", address="203.0.113.7"):
        typed = {"username": name, "password": password}
        return browser().post("/accounts/login/", typed, REMOTE_ADDR=address).status_code

    return guess


WHERE = pytest.mark.parametrize("outage", [None, kill, hang], ids=["redis", "killed", "hung"])


@WHERE
def test_guessing_a_password_ends_and_the_right_one_is_no_exception(server, alice, guess, password, outage):
    if outage:
        outage(server)

    assert [guess("alice") for _ in range(11)] == [200] * 10 + [429]
    assert guess("alice", password) == 429


def test_who_guesses_shuts_out_nobody_else(alice, bob, guess, password):
    for _ in range(12):
        guess("alice")

    assert guess("alice", password, address="198.51.100.1") == 302
    assert guess("bob", password) == 302


def test_who_gets_it_right_begins_anew(alice, guess, password):
    for _ in range(3):
        assert [guess("alice") for _ in range(9)] == [200] * 9
        assert guess("alice", password) == 302


def test_other_spellings_of_a_name_are_no_further_guesses(alice, guess):
    names = ["alice", "ALICE", " " * 150 + "alice", "\uff41lice", "al\u0131ce"]

    assert [guess(name) for name in names * 2] == [200] * 10
    assert [guess(name) for name in names] == [429] * 5


def test_whether_somebody_is_there_is_not_told_by_it(alice, guess):
    assert [guess("alice") for _ in range(12)] == [guess("nobody") for _ in range(12)]


def test_one_address_does_not_try_name_after_name(alice, guess, password):
    assert {guess(f"name{number}") for number in range(100)} == {200}
    assert guess("alice", password) == 429
    assert guess("alice", password, address="198.51.100.1") == 302


def test_a_whole_school_signs_in_from_one_address(alice, guess, password):
    assert {guess("alice", password) for _ in range(110)} == {302}


def test_behind_a_router_a_forged_address_is_no_way_around_it(alice, browser, settings):
    settings.TRUST_PROXY = True
    typed = {"username": "alice", "password": "wrong"}

    def forged(number):
        headers = {"x-forwarded-for": f"198.51.100.{number}, 203.0.113.7"}
        return browser().post("/accounts/login/", typed, headers=headers, REMOTE_ADDR="10.0.0.1").status_code

    assert [forged(number) for number in range(11)] == [200] * 10 + [429]


def test_guesses_at_once_are_counted_all_the_same(transactional_db, alice, guess):
    def attempt(_):
        try:
            return guess("alice")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(attempt, range(24)))

    assert sorted(answers) == [200] * 10 + [429] * 14


def test_too_many_guesses_are_answered_with_a_page_that_says_when(alice, browser):
    visitor, typed = browser(), {"username": "alice", "password": "wrong"}
    for _ in range(10):
        visitor.post("/accounts/login/", typed)

    answer = visitor.post("/accounts/login/", typed)

    assert answer.status_code == 429
    assert 800 < int(answer["Retry-After"]) <= 900
    assert "15 minutes" in answer.text
    assert 'href="/accounts/login/"' in answer.text
    assert visitor.get("/accounts/login/").status_code == 200


def test_a_name_that_is_not_there_takes_as_much_work_as_one_that_is(person, guess, monkeypatch):
    person("carol")
    person("dormant", is_active=False)
    hashed = []
    work = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", lambda *args: hashed.append(1) or work(*args))

    counts = []
    for name in ("carol", "dormant", "nobody"):
        hashed.clear()
        guess(name)
        counts.append(len(hashed))

    assert counts == [1, 1, 1]
