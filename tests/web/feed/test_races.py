"""Two requests in the same moment, each in a thread with a connection of its own: in whatever order they come."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from tests.web.pictures import picture
from tests.web.races import at_once, in_the_middle, one_writer, posting
from web.accounts.models import User
from web.feed.forms import PostForm
from web.feed.models import Comment, Follow, Like, Post
from web.letters.models import Letter
from web.notifications.models import Activity

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture(autouse=True)
def database_like_in_real_life(transactional_db):
    assert connection.vendor != "sqlite" or not connection.is_in_memory_db()


def test_two_likes_are_one(alice, bob, browser, photo_by):
    post = photo_by(alice)

    statuses = at_once(*[posting(browser(bob), f"/posts/{post.pk}/like/") for _ in range(4)])

    assert statuses == [302] * 4
    assert [model.objects.count() for model in (Like, Activity, Letter)] == [1, 1, 1]


def test_two_follows_are_one(alice, bob, browser):
    statuses = at_once(*[posting(browser(bob), "/people/alice/follow/") for _ in range(4)])

    assert statuses == [302] * 4
    assert [model.objects.count() for model in (Follow, Activity, Letter)] == [1, 1, 1]


def test_a_comment_that_is_sent_twice_is_one(alice, bob, browser, photo_by):
    post = photo_by(alice)
    form = browser(bob).get(post.get_absolute_url()).context["form"]
    typed = {"text": "nice"} | {field.name: field.value() for field in form.hidden_fields()}

    statuses = at_once(*[posting(browser(bob), f"/posts/{post.pk}/comments/", typed) for _ in range(3)])

    assert statuses == [302] * 3
    assert [model.objects.count() for model in (Comment, Activity, Letter)] == [1, 1, 1]


def test_a_photo_that_is_sent_twice_is_one(alice, browser):
    form = browser(alice).get("/posts/new/").context["form"]
    typed = {"caption": "Sunrise"} | {field.name: field.value() for field in form.hidden_fields()}

    def send():
        return browser(alice).post("/posts/new/", typed | {"photo": SimpleUploadedFile("a.jpg", picture())}).status_code

    assert at_once(send, send, send) == [302] * 3
    assert Post.objects.count() == 1


@pytest.mark.parametrize("names", [["carol"] * 3, ["carol", "Carol", "CAROL"]])
def test_two_sign_ups_with_one_name_are_one(browser, password, names):
    form = {"email": "carol@example.com", "password1": password, "password2": password}

    statuses = at_once(*[posting(browser(), "/accounts/signup/", form | {"username": name}) for name in names])

    assert sorted(statuses) == [200, 200, 302]
    assert User.objects.count() == 1
    assert Letter.objects.count() == 1


def test_likes_of_many_are_all_counted(alice, person, browser, photo_by):
    post = photo_by(alice)
    fans = [person(f"fan{number}") for number in range(4)]

    at_once(*[posting(browser(fan), f"/posts/{post.pk}/like/") for fan in fans])

    assert Post.objects.for_page(alice).get().like_count == 4
    assert Letter.objects.count() == 4


def test_a_like_and_its_undoing_leave_no_trace_that_contradicts(alice, bob, browser, photo_by):
    post = photo_by(alice)

    for _ in range(5):
        at_once(*[posting(browser(bob), f"/posts/{post.pk}/{deed}/") for deed in ("like", "unlike")])
        for told in Activity.objects.all():
            assert told.withdrawn != Like.objects.exists()

    assert Letter.objects.count() <= 1


@pytest.mark.parametrize("deed", ["like", "follow"])
def test_an_undoing_in_the_middle_of_a_deed_waits_for_its_end(alice, bob, browser, photo_by, deed):
    """Else it would not find what is not committed yet, and withdraw the activity of it nevertheless."""
    place = f"/posts/{photo_by(alice).pk}" if deed == "like" else "/people/alice"
    do, undo = posting(browser(bob), f"{place}/{deed}/"), posting(browser(bob), f"{place}/un{deed}/")
    assert [do(), undo()] == [302, 302]

    in_the_middle(do, 'UPDATE "notifications_activity"', undo)

    assert Activity.objects.get().withdrawn
    assert not Like.objects.exists() and not Follow.objects.exists()


@pytest.mark.parametrize("deed", ["like", "comments"])
def test_a_deed_while_the_post_is_deleted_breaks_neither(alice, bob, browser, photo_by, deed):
    for _ in range(5):
        post = photo_by(alice)
        post.comment(alice, "delete me too")

        done, deleted = at_once(
            posting(browser(bob), f"/posts/{post.pk}/{deed}/", {"text": "nice"}),
            posting(browser(alice), f"/posts/{post.pk}/delete/"),
        )

        assert done in (302, 404)
        assert deleted == 302
        assert [model.objects.count() for model in (Post, Like, Comment, Activity)] == [0, 0, 0, 0]


@one_writer
@pytest.mark.parametrize(
    "owner, name, address, gone",
    [
        (Post, "like", "/posts/{}/like/", "bob"),
        (Post, "comment", "/posts/{}/comments/", "bob"),
        (Follow, "begin", "/people/alice/follow/", "bob"),
        (Follow, "begin", "/people/alice/follow/", "alice"),
    ],
)
def test_a_deed_while_somebody_is_deleted_finds_nothing(
    alice, bob, browser, photo_by, before, owner, name, address, gone
):
    post, fan = photo_by(alice), browser(bob)
    before(owner, name, User.objects.get(username=gone).erase)

    assert fan.post(address.format(post.pk), {"text": "nice"}).status_code == 404


def test_a_photo_of_somebody_who_is_deleted_finds_nothing(alice, browser, before):
    page = browser(alice)
    before(PostForm, "publish", alice.erase)

    assert page.post("/posts/new/", {"photo": SimpleUploadedFile("a.jpg", picture())}).status_code == 404


def test_a_like_between_two_steps_of_a_deletion_breaks_neither(alice, bob, browser, photo_by):
    post = photo_by(alice)
    post.comment(alice, "when this is gone, the likes have gone before")
    like = posting(browser(bob), f"/posts/{post.pk}/like/")
    delete = posting(browser(alice), f"/posts/{post.pk}/delete/")

    deleted, liked = in_the_middle(delete, 'DELETE FROM "feed_comment"', like)

    assert deleted == 302
    assert liked in (302, 404)
    assert not Like.objects.exists()
