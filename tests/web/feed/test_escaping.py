"""What people write is shown as they wrote it, and never becomes part of a page."""

from html import escape

import pytest

from web.letters.models import Letter

EVIL = "<img src=x onerror=alert(1)>\"'&"


@pytest.fixture
def world(person, photo_by, browser):
    """Mallory, whose name, caption and comment are HTML, and a page of everything that shows them."""
    mallory, alice = person(EVIL, email="mallory@example.com"), person("alice")
    own, other = photo_by(mallory, f"caption {EVIL}"), photo_by(alice, f"caption {EVIL}")
    for address, data in [
        (f"/posts/{other.pk}/like/", {}),
        (f"/posts/{other.pk}/comments/", {"text": f"comment {EVIL}"}),
        ("/people/alice/follow/", {}),
    ]:
        assert browser(mallory).post(address, data).status_code == 302
    return {"mallory": mallory, "alice": alice, "own": own, "other": other}


@pytest.mark.parametrize("reader", ["mallory", "alice", None])
def test_on_every_page(world, browser, reader):
    own, other, mallory = world["own"], world["other"], world["mallory"]
    pages = ["/", "/explore/", mallory.get_absolute_url(), own.get_absolute_url(), other.get_absolute_url()]
    pages += [f"/posts/{own.pk}/thumbnail/"]
    if reader:
        pages += ["/notifications/", "/accounts/settings/", f"/posts/{world[reader].posts.get().pk}/delete/"]
    visitor = browser(world.get(reader))

    for page in pages:
        response = visitor.get(page)
        assert response.status_code == 200, page
        assert "<img src=x" not in response.text, page

    assert escape(f"comment {EVIL}") in visitor.get(other.get_absolute_url()).text
    assert escape(f"caption {EVIL}") in visitor.get(own.get_absolute_url()).text
    assert escape(EVIL) in visitor.get("/explore/").text


@pytest.mark.parametrize("deed", ["like", "unlike", "comments"])
def test_in_every_part_that_htmx_gets(world, browser, deed):
    address, headers = f"/posts/{world['other'].pk}/{deed}/", {"hx-request": "true"}

    response = browser(world["mallory"]).post(address, {"text": EVIL}, headers=headers)

    assert response.status_code == 200
    assert "<img src=x" not in response.text


def test_in_letters_and_on_the_pages_that_show_them(world, browser, staff):
    letters = list(Letter.objects.all())
    assert len(letters) == 3

    reader = browser(staff)
    assert "<img src=x" not in reader.get("/letters/").text
    for letter in letters:
        page = reader.get(f"/letters/{letter.pk}/").text
        assert escape(letter.subject) in page
        assert "<img src=x" not in page
        assert "<img src=x" not in reader.get(f"/letters/{letter.pk}/html/").text


def test_in_a_form_that_comes_back(world, browser):
    typed = {"username": EVIL, "email": EVIL, "password1": "a", "password2": "b"}

    page = browser().post("/accounts/signup/", typed).text

    assert escape(EVIL) in page
    assert "<img src=x" not in page


@pytest.mark.parametrize(
    "address", ["/explore/?before={}", "/people/{}/", "/accounts/login/?next=/{}", "/{}/", "/letters/?page={}"]
)
def test_in_what_the_address_said(browser, staff, address):
    page = browser(staff).get(address.format("<img src=x onerror=alert(1)>"), follow=True)

    assert "<img src=x" not in page.text
