import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache

from tests.web.races import at_once, posting

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def tabs(alice, browser):
    """Three browsers with one session, of which the cache has no copy."""
    tabs = [browser(alice), browser(), browser()]
    for tab in tabs[1:]:
        tab.cookies["sessionid"] = tabs[0].cookies["sessionid"].value
    cache.clear()
    return tabs


@pytest.mark.parametrize("name", ["_get_session_from_db", "save"])
def test_who_signs_out_in_the_middle_of_a_request_stays_signed_out(tabs, monkeypatch, name):
    """In the moment between the database and the cache."""
    page, slow, thief = tabs
    function, signs_out = getattr(SessionStore, name), [posting(page, "/accounts/logout/")]

    def late(self, *args, **options):
        found = function(self, *args, **options)
        if signs_out:
            at_once(signs_out.pop())
        return found

    monkeypatch.setattr(SessionStore, name, late)
    if name == "save":
        session = slow.session
        session["a"] = 1
        session.save()
    else:
        slow.get("/")

    assert not signs_out and not thief.is_signed_in
