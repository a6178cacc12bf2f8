import pytest

TYPED = {"email": "alice@example.com", "language": "en", "wants_mail": "on"}


def test_a_stranger_signs_in_first(browser):
    assert browser().get("/accounts/settings/")["Location"] == "/accounts/login/?next=/accounts/settings/"


def test_what_is_saved_stays_and_is_told(alice, browser):
    page = browser(alice).post("/accounts/settings/", {"email": "", "language": "en"}, follow=True)

    alice.refresh_from_db()
    assert (alice.email, alice.wants_mail) == ("", False)
    assert "Your settings were saved." in page.text


@pytest.mark.parametrize(
    "field, changed",
    [
        ("email", {"email": "alice"}),
        ("email", {"email": "x" * 10_240 + "@example.com"}),
        ("language", {"language": "tlh"}),
        ("language", {"language": ""}),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(alice, browser, field, changed):
    response = browser(alice).post("/accounts/settings/", TYPED | changed)

    assert field in response.context["form"].errors
    alice.refresh_from_db()
    assert (alice.email, alice.language) == ("alice@example.com", "en")


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_the_chosen_language_is_that_of_the_next_page(alice, browser, language):
    reader = browser(alice)

    page = reader.post("/accounts/settings/", TYPED | {"language": language}, follow=True)

    assert f'<html lang="{language}">' in page.text
    alice.refresh_from_db()
    assert alice.language == language


def test_nobody_makes_themselves_staff(alice, browser):
    browser(alice).post("/accounts/settings/", TYPED | {"is_staff": "on", "username": "bob", "access_token": "x"})

    alice.refresh_from_db()
    assert (alice.is_staff, alice.username) == (False, "alice")
    assert alice.access_token != "x"
