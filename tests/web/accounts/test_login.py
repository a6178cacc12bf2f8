import pytest

from tests.web.accounts.test_signup import ELSEWHERE


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
