import pytest
from django.db import IntegrityError

from web.feed.models import Follow
from web.notifications.models import Activity


def test_following_brings_somebodys_photos_home(alice, bob, person, browser, photo_by):
    photo_by(alice, "of alice")
    photo_by(person("carol"), "of carol")
    reader = browser(bob)

    page = reader.post("/people/alice/follow/", follow=True)

    assert page.context["follows"]
    assert page.context["follower_count"] == 1
    home = reader.get("/")
    assert "of alice" in home.text
    assert "of carol" not in home.text


def test_unfollowing_takes_them_away(alice, bob, person, browser, photo_by):
    photo_by(alice, "of alice")
    Follow.begin(bob, alice)
    Follow.begin(bob, person("carol"))
    reader = browser(bob)

    page = reader.post("/people/alice/unfollow/", follow=True)

    assert not page.context["follows"]
    assert "of alice" not in reader.get("/").text


def test_home_is_empty_when_those_one_follows_have_posted_nothing(alice, bob, person, browser, photo_by):
    photo_by(alice, "of alice")
    Follow.begin(bob, person("carol"))

    page = browser(bob).get("/")

    assert list(page.context["posts"]) == []
    assert "You follow nobody yet" not in page.text


def test_ones_own_photos_are_at_home_too(alice, bob, browser, photo_by):
    photo_by(bob, "of bob")
    Follow.begin(bob, alice)

    assert "of bob" in browser(bob).get("/").text


@pytest.mark.parametrize("deed, follows", [("follow", True), ("unfollow", False)])
def test_doing_it_twice_is_doing_it_once(alice, bob, browser, deed, follows):
    reader = browser(bob)

    statuses = {reader.post(f"/people/alice/{deed}/").status_code for _ in range(2)}

    assert statuses == {302}
    assert Follow.objects.count() == Activity.objects.count() == follows


def test_htmx_gets_the_button_alone(alice, bob, browser):
    response = browser(bob).post("/people/alice/follow/", headers={"hx-request": "true"})

    assert response.text.strip().startswith("<div")
    assert "<html" not in response.text
    assert "/people/alice/unfollow/" in response.text
    assert 'data-testid="followers">1<' in response.text


def test_nobody_follows_themselves(alice, browser):
    response = browser(alice).post("/people/alice/follow/")

    assert response.status_code == 302
    assert not Follow.objects.exists()


def test_not_even_in_the_database(alice):
    with pytest.raises(IntegrityError):
        Follow.objects.create(follower=alice, followed=alice)


@pytest.mark.parametrize("name", ["alice", "ALICE", "Alice"])
def test_the_case_of_a_name_does_not_matter(alice, bob, browser, name):
    reader = browser(bob)

    assert reader.get(f"/people/{name}/").context["person"] == alice
    reader.post(f"/people/{name}/follow/")
    assert Follow.objects.get().followed == alice
    reader.post(f"/people/{name}/unfollow/")
    assert not Follow.objects.exists()


@pytest.mark.parametrize("deed", ["follow", "unfollow"])
def test_somebody_unknown_is_not_found(bob, browser, deed):
    assert browser(bob).post(f"/people/nobody/{deed}/").status_code == 404


def test_an_inactive_person_is_not_found(bob, person, browser):
    person("carol", is_active=False)

    assert browser(bob).get("/people/carol/").status_code == 404
    assert browser(bob).post("/people/carol/follow/").status_code == 404


@pytest.mark.parametrize("deed", ["follow", "unfollow"])
def test_a_stranger_signs_in_first_and_changes_nothing(alice, bob, browser, deed):
    Follow.begin(bob, alice)

    response = browser().post(f"/people/alice/{deed}/")

    assert response["Location"].startswith("/accounts/login/")
    assert Follow.objects.count() == 1
