"""People delete their accounts, with all that they made."""

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction

from tests.web.pictures import picture
from tests.web.races import in_the_middle, one_writer, posting
from web.accounts.models import User
from web.feed.models import Comment, Follow, Like, Post
from web.notifications.models import Activity


def test_all_that_is_theirs_goes_and_what_is_of_others_stays(
    alice, bob, browser, password, photo_by, django_capture_on_commit_callbacks
):
    hers, his = photo_by(alice), photo_by(bob)
    for post, user in ((hers, bob), (his, alice), (his, bob)):
        post.like(user)
        post.comment(user, "nice")
    Follow.begin(alice, bob)
    Follow.begin(bob, alice)
    visitor = browser(alice)
    assert "Delete the account" in visitor.get("/accounts/settings/").text
    with django_capture_on_commit_callbacks(execute=True):
        response = visitor.post("/accounts/delete/", {"password": password}, follow=True)

    assert "Your account was deleted, with all that was in it." in response.text
    assert not response.wsgi_request.user.is_authenticated
    assert list(User.objects.all()) == [bob]
    assert list(Post.objects.all()) == [his]
    assert list(Like.objects.values_list("post", "user")) == [(his.pk, bob.pk)]
    assert list(Comment.objects.values_list("post", "author")) == [(his.pk, bob.pk)]
    assert not Follow.objects.exists() and not Activity.objects.filter(actor_id=alice.pk).exists()
    assert not Activity.objects.filter(recipient_id=alice.pk).exists()
    assert not default_storage.exists(hers.photo.name) and default_storage.exists(his.photo.name)


@pytest.mark.parametrize("typed, error", [("wrong", "This is not your password."), ("", "This field is required.")])
def test_it_takes_the_password(alice, browser, typed, error):
    response = browser(alice).post("/accounts/delete/", {"password": typed})
    assert error in response.text
    assert User.objects.filter(pk=alice.pk).exists()


def test_it_takes_a_login(browser, db):
    assert browser().get("/accounts/delete/").status_code == 302


@pytest.fixture
def erase(password):
    return lambda browser: posting(browser, "/accounts/delete/", {"password": password})


GROUPS, LIKES, ACTIVITIES = (
    f'DELETE FROM "{table}"' for table in ("accounts_user_groups", "feed_like", "notifications_activity")
)


@one_writer
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """In the middle of it others add what would break it, or hold what it waits for."""

    @pytest.mark.parametrize("deed", ["like", "comments"])
    def test_a_like_or_comment_goes_too(self, alice, bob, browser, photo_by, erase, deed):
        do = posting(browser(bob), f"/posts/{photo_by(alice).pk}/{deed}/", {"text": "nice"})
        erased, done = in_the_middle(erase(browser(alice)), GROUPS, do)
        assert erased == 302 and done in (302, 404)
        assert list(User.objects.all()) == [bob]
        assert [model.objects.count() for model in (Post, Like, Comment, Activity)] == [0, 0, 0, 0]

    def test_a_photo_goes_too(self, alice, browser, erase):
        publish = posting(browser(alice), "/posts/new/", {"photo": SimpleUploadedFile("a.jpg", picture())})
        erased, published = in_the_middle(erase(browser(alice)), GROUPS, publish)
        assert erased == 302 and published in (302, 404)
        assert not User.objects.exists() and not Post.objects.exists()

    @pytest.mark.parametrize(
        "deeds, statement", [(["like", "unlike"], LIKES), (["like", "unlike", "like"], ACTIVITIES)]
    )
    def test_a_like_and_its_undoing_take_turns_with_it(self, alice, bob, browser, photo_by, erase, deeds, statement):
        post, fan = photo_by(alice), browser(bob)
        *earlier, last = [posting(fan, f"/posts/{post.pk}/{deed}/") for deed in deeds]
        for deed in earlier:
            deed()
        erased, done = in_the_middle(erase(browser(alice)), statement, last)
        assert erased == 302 and done in (302, 404)
        assert list(User.objects.all()) == [bob] and not Like.objects.exists()

    def test_the_deletion_of_a_post_that_was_liked_takes_turns_with_it(self, alice, bob, browser, photo_by, erase):
        post, fan = photo_by(alice), browser(bob)
        fan.post(f"/posts/{post.pk}/like/")
        delete = posting(browser(alice), f"/posts/{post.pk}/delete/")
        assert in_the_middle(delete, LIKES, erase(fan)) == [302, 302]
        assert list(User.objects.all()) == [alice] and not Post.objects.exists() and not Activity.objects.exists()

    @pytest.mark.parametrize("deeds, statement", [(["like"], LIKES), (["like", "unlike"], ACTIVITIES)])
    def test_friends_take_turns(self, alice, bob, browser, photo_by, erase, deeds, statement):
        for author, fan in ((alice, bob), (bob, alice)):
            post = photo_by(author)
            for deed in deeds:
                browser(fan).post(f"/posts/{post.pk}/{deed}/")
        assert in_the_middle(erase(browser(alice)), statement, erase(browser(bob))) == [302, 302]
        assert not User.objects.exists()

    def test_a_follow_takes_turns_with_it(self, alice, bob, browser, erase):
        page = browser(bob)
        for deed in ("follow", "unfollow"):
            page.post(f"/people/alice/{deed}/")
        erased, followed = in_the_middle(erase(page), ACTIVITIES, posting(browser(bob), "/people/alice/follow/"))
        assert erased == 302 and followed in (302, 404)
        assert list(User.objects.all()) == [alice] and not Follow.objects.exists()


def test_it_gives_up_when_there_is_no_end_to_it(alice, monkeypatch):
    def fail(self):
        raise IntegrityError("once more")

    monkeypatch.setattr(User, "delete", fail)
    with pytest.raises(IntegrityError, match="once more"), transaction.atomic():
        alice.erase()
