import re
from functools import cache

import pytest
from django.core.management import call_command

from web.accounts.models import User
from web.feed.demo import SCENES
from web.feed.models import Comment, Follow, Like, Post
from web.files.models import File
from web.letters.models import Letter
from web.notifications.models import Activity

DRAWN_ONCE = [cache(draw) for draw in SCENES]


@pytest.fixture
def demo(db, capsys, monkeypatch, django_capture_on_commit_callbacks):
    """Load the demo data; what the command tells."""
    monkeypatch.setattr("web.feed.management.commands.demo.SCENES", DRAWN_ONCE)

    def demo(*options):
        with django_capture_on_commit_callbacks(execute=True):
            call_command("demo", *options)
        return capsys.readouterr().out

    return demo


@pytest.fixture
def alice_of_the_demo(demo):
    demo()
    return User.objects.get(username="Alice")


def counts():
    return [model.objects.count() for model in (User, Post, Like, Comment, Follow, Activity, Letter)]


def words(told):
    return set(re.findall(r"[^\s,;:()]+", told))


def test_in_debug_it_makes_some_of_everything_and_logins_that_work_and_a_second_time_nothing(settings, demo, browser):
    settings.DEBUG = True

    told = demo()

    made, passwords = counts(), set(User.objects.values_list("username", "password"))
    assert all(made), made
    assert not Post.objects.filter(thumbnail="").exists()
    logins = [(user, word) for user in User.objects.all() for word in words(told) if user.check_password(word)]
    assert any(user.is_staff for user, _ in logins)
    assert any(not user.is_staff for user, _ in logins)
    for user, password in logins:
        assert user.username in told
        visitor = browser()
        visitor.post("/accounts/login/", {"username": user.username, "password": password})
        assert visitor.is_signed_in
    for post in Post.objects.all():
        assert browser().get(post.get_absolute_url()).status_code == 200
        assert browser().get(f"/photos/{post.photo.name}").status_code == 200

    assert not words(demo()) & {password for _, password in logins}
    assert (counts(), set(User.objects.values_list("username", "password"))) == (made, passwords)


def test_elsewhere_nobody_has_a_password_and_nobody_outside_is_mailed(settings, demo):
    settings.SMTP_URL = "smtp://mail.example.com:25"

    told = demo()

    assert Post.objects.exists()
    for user in User.objects.all():
        assert not user.has_usable_password()
        assert not user.email
    assert not any("password" in word and "changepassword" not in word for word in words(told))
    assert not Letter.objects.exists()


@pytest.mark.parametrize("username", ["alice", "Bob", "admin"])
def test_it_leaves_alone_who_has_one_of_its_names(person, demo, photo_by, password, username):
    somebody = person(username)
    post = photo_by(somebody, "mine")

    assert username in demo()

    somebody.refresh_from_db()
    assert somebody.check_password(password)
    assert not somebody.is_staff
    assert list(Post.objects.all()) == [post]


@pytest.mark.parametrize("option", [[], ["--redraw"]])
def test_it_draws_photos_again_that_are_missing_where_photos_are_kept(demo, alice_of_the_demo, browser, option):
    files = dict(File.objects.values_list("name", "content"))
    File.objects.all().delete()
    mine = Post.objects.create(author=alice_of_the_demo, photo="photos/mine.jpg", width=1, height=1, caption="mine")

    assert f"{len(SCENES)} photos" in demo(*option)

    assert dict(File.objects.values_list("name", "content")) == files
    for post in Post.objects.exclude(pk=mine.pk):
        assert browser().get(f"/photos/{post.thumbnail.name}").status_code == 200
    assert "photos" not in demo("--redraw")


def test_to_draw_again_is_not_to_make(demo):
    assert demo("--redraw") == ""
    assert not User.objects.exists()
