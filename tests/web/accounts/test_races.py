"""Another tab of the same person, in the middle of a request."""

import pytest

from tests.web.races import posting
from web.accounts import views
from web.accounts.models import User

pytestmark = pytest.mark.usefixtures("transactional_db")

NEW = "another horse 77"
SETTINGS = {"email": "new@example.com", "language": "ko"}


@pytest.fixture
def passwords(password):
    return {"old_password": password, "new_password1": NEW, "new_password2": NEW}


@pytest.mark.parametrize(
    "view, address", [("Settings", "/accounts/settings/"), ("PasswordChange", "/accounts/password/")]
)
def test_who_is_deleted_stays_deleted(alice, browser, password, passwords, before, view, address):
    page = browser(alice)
    before(getattr(views, view), "form_valid", posting(browser(alice), "/accounts/delete/", {"password": password}))

    assert page.post(address, SETTINGS | passwords).status_code == 302

    assert not User.objects.exists()


def test_settings_bring_back_no_old_password(alice, browser, passwords, before):
    page = browser(alice)
    before(views.Settings, "form_valid", posting(browser(alice), "/accounts/password/", passwords))

    assert page.post("/accounts/settings/", SETTINGS).status_code == 302

    alice.refresh_from_db()
    assert alice.check_password(NEW) and alice.email == "new@example.com"


def test_settings_do_not_activate_who_was_deactivated(alice, browser, before):
    page = browser(alice)
    before(views.Settings, "form_valid", lambda: User.objects.update(is_active=False))

    page.post("/accounts/settings/", SETTINGS)

    alice.refresh_from_db()
    assert not alice.is_active


def test_a_new_password_brings_back_no_old_settings(alice, browser, passwords, before):
    page = browser(alice)
    before(views.PasswordChange, "form_valid", posting(browser(alice), "/accounts/settings/", SETTINGS))

    assert page.post("/accounts/password/", passwords).status_code == 302

    alice.refresh_from_db()
    assert (alice.check_password(NEW), alice.email, alice.language) == (True, "new@example.com", "ko")
    assert not alice.wants_mail
