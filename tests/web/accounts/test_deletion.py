"""People delete their accounts, with all that they made."""

import threading

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, connections, transaction

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


@pytest.mark.django_db(transaction=True)
def test_a_like_that_arrives_in_the_middle_goes_too(alice, bob, photo_by, monkeypatch):
    """On PostgreSQL it would break the deletion; SQLite lets nobody write meanwhile."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    post, tries = photo_by(alice), []
    delete = User.delete

    def slow(self):
        tries.append(1)
        if len(tries) == 1:
            thread = threading.Thread(target=like)
            thread.start()
            thread.join()
            raise IntegrityError("a like refers to the post")
        return delete(self)

    def like():
        post.like(bob)
        connections.close_all()

    monkeypatch.setattr(User, "delete", slow)
    alice.erase()
    assert len(tries) == 2
    assert not Like.objects.exists() and not Post.objects.exists()


def test_it_gives_up_when_there_is_no_end_to_it(alice, monkeypatch):
    def fail(self):
        raise IntegrityError("once more")

    monkeypatch.setattr(User, "delete", fail)
    with pytest.raises(IntegrityError, match="once more"), transaction.atomic():
        alice.erase()
