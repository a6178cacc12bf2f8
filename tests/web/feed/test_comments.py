import pytest

from web.feed.models import Comment
from web.letters.models import Letter
from web.notifications.models import Activity


@pytest.fixture
def post(alice, photo_by):
    return photo_by(alice)


def test_a_comment_is_shown_below_the_photo(bob, browser, post):
    response = browser(bob).post(f"/posts/{post.pk}/comments/", {"text": "What a light!"})

    comment = Comment.objects.get()
    assert (comment.post, comment.author, comment.text) == (post, bob, "What a light!")
    assert response["Location"] == f"/posts/{post.pk}/#comment-{comment.pk}"
    assert "What a light!" in browser().get(post.get_absolute_url()).text


def test_comments_stand_in_the_order_in_which_they_were_written(alice, bob, browser, post):
    for author, text in [(bob, "first"), (alice, "second"), (bob, "third")]:
        post.comment(author, text)

    page = browser().get(post.get_absolute_url())

    assert [comment.text for comment in page.context["comments"]] == ["first", "second", "third"]
    assert page.text.index("first") < page.text.index("second") < page.text.index("third")


def test_htmx_gets_the_comments_alone_with_an_empty_field(bob, browser, post):
    address, headers = f"/posts/{post.pk}/comments/", {"hx-request": "true"}

    response = browser(bob).post(address, {"text": "What a light!"}, headers=headers)

    assert response.text.strip().startswith("<section")
    assert response.text.count("What a light!") == 1


@pytest.mark.parametrize("text", ["", "   ", "\n", "x" * 1001, "nul\x00"])
@pytest.mark.parametrize("headers", [{}, {"hx-request": "true"}])
def test_what_cannot_be_is_refused_and_stays_in_the_field(bob, browser, post, text, headers):
    response = browser(bob).post(f"/posts/{post.pk}/comments/", {"text": text}, headers=headers)

    assert response.status_code == 200
    assert response.context["form"].errors["text"]
    assert response.context["form"].errors["text"][0].split("'")[0] in response.text
    assert not Comment.objects.exists()
    assert not Activity.objects.exists()


@pytest.fixture
def hidden(bob, browser, post):
    """What the form carries unseen."""
    form = browser(bob).get(post.get_absolute_url()).context["form"]
    return {field.name: field.value() for field in form.hidden_fields()}


def test_a_double_click_comments_once(bob, browser, post, hidden):
    reader = browser(bob)

    for _ in range(2):
        typed = {"text": "What a light!", **hidden}
        assert reader.post(f"/posts/{post.pk}/comments/", typed).status_code == 302

    assert Comment.objects.count() == Activity.objects.count() == Letter.objects.count() == 1


def test_going_back_to_the_form_and_writing_something_else_comments_again(bob, browser, post, hidden):
    reader = browser(bob)

    for text in ("What a light!", "And what a place!"):
        reader.post(f"/posts/{post.pk}/comments/", {"text": text, **hidden})

    assert Comment.objects.count() == 2


def test_the_form_that_htmx_gets_is_a_new_one(bob, browser, post):
    reader, headers = browser(bob), {"hx-request": "true"}
    form = reader.get(post.get_absolute_url()).context["form"]

    for _ in range(2):
        typed = {"text": "again!"} | {field.name: field.value() for field in form.hidden_fields()}
        form = reader.post(f"/posts/{post.pk}/comments/", typed, headers=headers).context["form"]

    assert Comment.objects.count() == 2


def test_a_stranger_signs_in_first(browser, post):
    response = browser().post(f"/posts/{post.pk}/comments/", {"text": "hi"})

    assert response["Location"].startswith("/accounts/login/")
    assert not Comment.objects.exists()


@pytest.mark.parametrize("deleter", ["author of the comment", "author of the photo"])
@pytest.mark.parametrize("headers, status", [({}, 302), ({"hx-request": "true"}, 200)])
def test_a_comment_is_deleted_by_who_wrote_it_or_owns_the_photo(alice, bob, browser, post, deleter, headers, status):
    comment = post.comment(bob, "What a light!")
    reader = browser(bob if deleter == "author of the comment" else alice)

    response = reader.post(f"/comments/{comment.pk}/delete/", headers=headers)

    assert response.status_code == status
    assert not Comment.objects.exists()
    assert not Activity.objects.exists()


def test_nobody_else_deletes_it(bob, person, staff, browser, post):
    comment = post.comment(bob, "What a light!")

    for reader in (person("carol"), staff):
        assert browser(reader).post(f"/comments/{comment.pk}/delete/").status_code == 404
    assert browser().post(f"/comments/{comment.pk}/delete/")["Location"].startswith("/accounts/login/")

    assert Comment.objects.exists()


def test_the_button_to_delete_is_for_those_two_alone(alice, bob, person, browser, post):
    button = f"/comments/{post.comment(bob, 'What a light!').pk}/delete/"

    shown = [button in browser(r).get(post.get_absolute_url()).text for r in (alice, bob, person("carol"), None)]

    assert shown == [True, True, False, False]


def test_deleting_it_twice_is_no_error(bob, browser, post):
    address, reader = f"/comments/{post.comment(bob, 'hi').pk}/delete/", browser(bob)

    assert [reader.post(address).status_code for _ in range(2)] == [302, 404]
