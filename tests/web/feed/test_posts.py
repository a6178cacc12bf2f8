import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.web.pictures import picture
from web.feed.models import Comment, Like, Post
from web.files.models import File


@pytest.fixture
def publish(browser):
    """Post a photo through the form."""

    def publish(author, caption="a caption", name="photo.jpg", content=None, **hidden):
        photo = SimpleUploadedFile(name, content or picture(), "image/jpeg")
        return browser(author).post("/posts/new/", {"photo": photo, "caption": caption, **hidden})

    return publish


def test_posting_shows_the_photo(alice, browser, publish):
    response = publish(alice, "Sunrise")

    post = Post.objects.get()
    assert response["Location"] == f"/posts/{post.pk}/"
    assert (post.author, post.caption) == (alice, "Sunrise")
    page = browser().get(response["Location"]).text
    assert "Sunrise" in page
    assert f"/photos/{post.photo.name}" in page


def test_the_answer_comes_before_the_thumbnail_is_made(alice, publish, queue):
    publish(alice)

    assert queue("default") == ["web.feed.tasks.make_thumbnail"]
    assert not Post.objects.get().thumbnail


def test_a_caption_is_optional_and_a_photo_is_not(alice, browser, publish):
    publish(alice, caption="")
    response = browser(alice).post("/posts/new/", {"caption": "no photo"})

    assert Post.objects.get().caption == ""
    assert "photo" in response.context["form"].errors


@pytest.mark.parametrize("caption", ["x" * 2201, "nul\x00"])
def test_a_caption_that_cannot_be_is_refused_beside_its_field(alice, publish, caption):
    response = publish(alice, caption)

    assert "caption" in response.context["form"].errors
    assert not Post.objects.exists()


@pytest.mark.parametrize(
    "name", ["x" * 200 + ".jpg", "../../evil.jpg", "photo", "photo.php", "a\nb.jpg", "写真.jpg", "<b>.jpg"]
)
def test_what_the_file_was_called_does_not_matter(alice, publish, name):
    response = publish(alice, name=name)

    assert response.status_code == 302
    assert Post.objects.get().photo.name.startswith("photos/")
    assert "evil" not in Post.objects.get().photo.name


@pytest.fixture
def hidden(alice, browser):
    """What the form carries unseen."""
    form = browser(alice).get("/posts/new/").context["form"]
    return {field.name: field.value() for field in form.hidden_fields()}


def test_a_double_click_posts_once(alice, publish, hidden):
    first, second = publish(alice, "Sunrise", **hidden), publish(alice, "Sunrise", **hidden)

    assert first["Location"] == second["Location"] == Post.objects.get().get_absolute_url()
    assert File.objects.filter(pk__startswith="photos/").count() == 1


def test_going_back_to_the_form_and_posting_another_photo_posts_another(alice, publish, hidden):
    publish(alice, "Sunrise", **hidden)
    publish(alice, "Sunset", **hidden)
    publish(alice, "Sunset", content=picture(colour="red"), **hidden)

    assert Post.objects.count() == 3


def test_two_people_are_not_confused_by_what_their_forms_carry(alice, bob, publish, hidden):
    publish(alice, "Sunrise", **hidden)
    publish(bob, "Sunrise", **hidden)

    assert set(Post.objects.values_list("author", flat=True)) == {alice.pk, bob.pk}


@pytest.mark.parametrize("carried", ["", "x", "0" * 5000, "nul\x00"])
def test_what_a_form_carries_may_be_garbage(alice, publish, hidden, carried):
    assert publish(alice, **dict.fromkeys(hidden, carried)).status_code in (200, 302)


def test_a_stranger_cannot_post(browser):
    response = browser().post("/posts/new/", {"photo": SimpleUploadedFile("a.jpg", picture())})

    assert response["Location"].startswith("/accounts/login/")
    assert not Post.objects.exists()


def test_the_author_deletes_a_post_with_all_that_hangs_on_it(alice, bob, browser, photo_by):
    post = photo_by(alice)
    post.like(bob)
    post.comment(bob, "nice")
    files = [post.photo.name, post.thumbnail.name]

    response = browser(alice).post(f"/posts/{post.pk}/delete/")

    assert response["Location"] == "/people/alice/"
    assert [model.objects.count() for model in (Post, Like, Comment)] == [0, 0, 0]
    assert not any(default_storage.exists(name) for name in files)
    assert browser(alice).get(f"/posts/{post.pk}/").status_code == 404


def test_a_deletion_is_asked_about_first(alice, browser, photo_by):
    page = browser(alice).get(f"/posts/{photo_by(alice).pk}/delete/")

    assert page.status_code == 200
    assert Post.objects.exists()


def test_the_files_stay_when_the_deletion_is_rolled_back(alice, photo_by, django_capture_on_commit_callbacks):
    from django.db import transaction

    post = photo_by(alice)
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        post.delete()
        transaction.set_rollback(True)

    assert Post.objects.exists()
    assert default_storage.exists(post.photo.name)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_deletes_the_post_of_another(alice, bob, staff, browser, photo_by, method):
    post = photo_by(alice)

    for reader in (bob, staff):
        assert getattr(browser(reader), method)(f"/posts/{post.pk}/delete/").status_code == 404
    assert getattr(browser(), method)(f"/posts/{post.pk}/delete/").status_code == 302

    assert Post.objects.exists()


def test_the_button_to_delete_is_for_the_author_alone(alice, bob, browser, photo_by):
    post = photo_by(alice)
    button = f"/posts/{post.pk}/delete/"

    shown = [button in browser(reader).get(post.get_absolute_url()).text for reader in (alice, bob, None)]

    assert shown == [True, False, False]
