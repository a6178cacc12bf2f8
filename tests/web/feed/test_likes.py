import pytest

from web.feed.models import Like, Post
from web.notifications.models import Activity


@pytest.fixture
def post(alice, photo_by):
    return photo_by(alice)


def shown(page):
    """The number of likes and whether the reader's heart is full, as a page shows them."""
    return page.context["post"].like_count, page.context["post"].liked


def test_a_like_is_counted_and_can_be_taken_back(bob, browser, post):
    reader = browser(bob)

    liked = reader.post(f"/posts/{post.pk}/like/", follow=True)
    unliked = reader.post(f"/posts/{post.pk}/unlike/", follow=True)

    assert shown(liked) == (1, True)
    assert 'data-testid="likes">1<' in liked.text
    assert 'aria-pressed="true"' in liked.text
    assert shown(unliked) == (0, False)
    assert 'data-testid="likes">0<' in unliked.text
    assert 'aria-pressed="false"' in unliked.text


def test_htmx_gets_the_heart_alone(bob, browser, post):
    response = browser(bob).post(f"/posts/{post.pk}/like/", headers={"hx-request": "true"})

    assert response.status_code == 200
    assert response.text.strip().startswith("<form")
    assert "<html" not in response.text
    assert 'aria-pressed="true"' in response.text
    assert f"/posts/{post.pk}/unlike/" in response.text


@pytest.mark.parametrize("deed", ["like", "unlike"])
def test_doing_it_twice_is_doing_it_once(bob, browser, post, deed):
    reader = browser(bob)

    statuses = {reader.post(f"/posts/{post.pk}/{deed}/").status_code for _ in range(2)}

    assert statuses == {302}
    assert Like.objects.count() == (deed == "like")
    assert Activity.objects.count() == (deed == "like")


def test_everybody_has_one_like_of_their_own(alice, bob, person, browser, post):
    for reader in (alice, bob, person("carol")):
        browser(reader).post(f"/posts/{post.pk}/like/")
    browser(bob).post(f"/posts/{post.pk}/unlike/")

    assert shown(browser(bob).get(post.get_absolute_url())) == (2, False)
    assert shown(browser(alice).get(post.get_absolute_url())) == (2, True)
    assert shown(browser().get(post.get_absolute_url())) == (2, False)


@pytest.mark.parametrize("deed", ["like", "unlike", "comments"])
@pytest.mark.parametrize("headers", [{}, {"hx-request": "true"}])
def test_what_is_deleted_takes_no_likes_and_no_comments(bob, browser, post, deed, headers):
    address = f"/posts/{post.pk}/{deed}/"
    post.delete()

    assert browser(bob).post(address, {"text": "hi"}, headers=headers).status_code == 404
    assert not Like.objects.exists()


@pytest.mark.parametrize("deed", ["like", "unlike"])
def test_a_stranger_signs_in_first_and_changes_nothing(bob, browser, post, deed):
    post.like(bob)

    response = browser().post(f"/posts/{post.pk}/{deed}/")

    assert response["Location"].startswith("/accounts/login/")
    assert list(Like.objects.values_list("user", flat=True)) == [bob.pk]


def test_likes_go_with_the_person(bob, post):
    post.like(bob)

    bob.delete()

    assert Post.objects.exists()
    assert not Like.objects.exists()
    assert not Activity.objects.exists()
