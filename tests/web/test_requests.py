"""What every address answers to requests that no page of ours would send."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.mail import EmailMessage
from django.urls import get_resolver, reverse

from web.accounts import jobs
from web.accounts.models import User
from web.feed.models import Comment, Follow, Like, Post
from web.letters.models import Letter
from worker import client, parcel
from worker.api.connection import connection
from worker.mail import PRIVATE_HEADER

CHANGES = ["like", "unlike", "comment", "delete_comment", "follow", "unfollow", "logout",
           "delete_letter", "delete_letters",
           "jobs_run", "jobs_kill", "jobs_delete", "jobs_undo", "jobs_pause", "jobs_resume", "jobs_quiet", "jobs_stop",
           "jobs_stop_job", "jobs_pause_periodic", "jobs_resume_periodic", "jobs_run_periodic", "jobs_rescue",
           "jobs_try", "jobs_release", "jobs_halt"]  # fmt: skip
FORMS = ["signup", "login", "settings", "password_change", "password_reset", "password_reset_confirm",
         "delete_account", "new_post", "delete_post"]  # fmt: skip
PAGES = ["home", "own_job", "explore", "profile", "post", "thumbnail", "photo", "notifications", "letters", "letter",
         "letter_html", "letter_raw", "letter_attachment", "password_reset_done",
         "jobs", "jobs_busy", "jobs_queues", "jobs_queue", "jobs_scheduled", "jobs_retries", "jobs_dead", "jobs_groups",
         "jobs_periodic", "jobs_metrics", "jobs_task", "jobs_ledger", "jobs_job", "jobs_mail", "jobs_stats",
         "jobs_latency"]  # fmt: skip
SIGNED = ["hook"]  # for other services, which sign what they send: tests/web/hooks


@pytest.fixture
def world(alice, bob, photo_by):
    """Something of everything, so that each address has what it names; Alice may see and change all of it."""
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    post = photo_by(alice)
    post.like(bob)
    comment = post.comment(bob, "nice")
    Follow.begin(alice, bob)
    raw = b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\ntext\r\n--x\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\nfile\r\n--x--\r\n'  # fmt: skip  # noqa: E501
    letter = Letter.objects.create(message_id="<1@x>", sender="a", recipients="b", subject="c", text="d", raw=raw)
    yield {"post": post, "comment": comment, "letter": letter, "job": mail_job()}
    connection().flushdb()


def mail_job():
    """The id of a job in Redis that carries a mail."""
    mail = EmailMessage("subject", "text", "a@example.com", ["b@example.com"], headers={PRIVATE_HEADER: "0"})
    id, content = client.message("worker.mail.deliver", [parcel.pack(mail)], queue="mailers")
    client.send([client.Entry(id, "mailers", [content])])
    return id


def addresses():
    """Path by name, for every pattern of the project."""
    found = {}

    def walk(patterns, prefix=""):
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns, route)
            else:
                found[pattern.name or route] = "/" + route

    walk(get_resolver().url_patterns)
    return found


@pytest.fixture
def path(world):
    """The address of something that is there, by the name of its pattern."""

    def path(name):
        route = addresses()[name]
        thing = "comment" if "comments/<int:pk>" in route else "letter" if "letters/" in route else "post"
        for parameter, value in {
            "<int:pk>": world[thing].pk,
            "<username:username>": "bob",
            "<path:name>": world["post"].photo.name,
            "<int:number>": 0,
            "<path:queue>": "mailers",
            "<path:task>": "worker.mail.deliver",
            "<path:id>": world["job"],
            "<uidb64>": "MQ",
            "<token>": "set-password",
            "<name>": jobs.name(User.objects.get(username="alice"), world["job"]),
        }.items():
            route = route.replace(parameter, str(value))
        assert "<" not in route, f"{name} has a parameter that this test does not know"
        return route

    return path


def counts():
    return [model.objects.count() for model in (User, Post, Like, Comment, Follow, Letter)]


def test_every_address_is_one_that_these_tests_know():
    assert sorted(addresses()) == sorted(CHANGES + FORMS + PAGES + SIGNED)


def test_a_post_without_the_token_of_the_form_is_forbidden_everywhere(alice, browser, path):
    forged, before = browser(alice, enforce_csrf_checks=True), counts()

    for name in CHANGES + FORMS + PAGES:
        response = forged.post(path(name), {"text": "forged", "csrfmiddlewaretoken": "x" * 64})
        assert response.status_code == 403, name
        assert "403_csrf.html" in [template.name for template in response.templates], name

    assert counts() == before
    assert forged.is_signed_in


def test_a_post_with_the_token_of_the_form_is_taken(bob, browser, path):
    reader = browser(bob, enforce_csrf_checks=True)
    page = reader.get(path("post"))

    token = {"csrfmiddlewaretoken": str(page.context["csrf_token"])}

    assert reader.post(path("unlike"), token).status_code == 302


def test_a_link_changes_nothing(alice, browser, path):
    before = counts()

    assert {name: browser(alice).get(path(name)).status_code for name in CHANGES} == dict.fromkeys(CHANGES, 405)
    assert counts() == before


def test_a_page_answers(alice, browser, path):
    pages = FORMS + PAGES

    assert {name: browser(alice).get(path(name), follow=True).status_code for name in pages} == dict.fromkeys(
        pages, 200
    )


def test_asking_only_for_the_head_of_a_page_is_answered_as_for_the_page(alice, browser, path):
    reader = browser(alice)
    pages = {name: reader.get(path(name)).status_code for name in FORMS + PAGES}

    assert {name: reader.head(path(name)).status_code for name in pages} == pages


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_change_nothing(alice, browser, path, method):
    reader, before = browser(alice), counts()

    for name in CHANGES + FORMS + PAGES:
        assert getattr(reader, method)(path(name)).status_code < 500, name

    assert counts() == before
    assert reader.is_signed_in


def test_a_page_that_only_shows_takes_no_post(alice, browser, path):
    reader = browser(alice)

    assert {name: reader.post(path(name)).status_code for name in PAGES} == dict.fromkeys(PAGES, 405)


def test_a_stranger_changes_nothing(browser, path):
    before = counts()

    for name in CHANGES + FORMS:
        assert browser().post(path(name), {"text": "nice", "email": "x"}).status_code < 500, name

    assert counts() == before


@pytest.fixture
def after_signing_in(browser, path, password):
    """Where somebody goes who posts after their session has ended, and then signs in."""

    def after_signing_in(name, referer):
        visitor = browser()
        sign_in = visitor.post(path(name), {"text": "nice"}, headers={"referer": referer})["Location"]
        typed = {"username": "alice", "password": password, "next": parse_qs(urlsplit(sign_in).query)["next"][0]}
        return visitor.post("/accounts/login/", typed, follow=True)

    return after_signing_in


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "logout"])
def test_whose_session_has_ended_comes_back_to_the_page_they_were_on(after_signing_in, name):
    response = after_signing_in(name, "http://testserver/letters/?page=1")

    assert response.status_code == 200
    assert response.redirect_chain[-1][0].endswith("/letters/?page=1")


@pytest.mark.parametrize("referer", ["https://evil.example/", "//evil.example/", ""])
def test_whose_session_has_ended_never_goes_elsewhere(after_signing_in, referer):
    response = after_signing_in("like", referer)

    assert response.status_code == 200
    assert [address for address, _ in response.redirect_chain] == ["/"]


@pytest.mark.parametrize("number", [0, 2**63 - 1, 2**63, "9" * 5000])
def test_an_unknown_number_is_not_found(alice, browser, number):
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    reader = browser(alice)

    for name, route in addresses().items():
        if "<int:pk>" in route:
            address = route.replace("<int:pk>", str(number)).replace("<int:number>", "0")
            answer = reader.post(address) if name in CHANGES else reader.get(address)
            assert answer.status_code == 404, name


UNKNOWN_NAMES = ["nobody", "x" * 10_240, "%00", "bob%00", "é", "%F0%9F%98%80", "<b>", "bob%2Fx", "bob%20"]


@pytest.mark.parametrize("username", UNKNOWN_NAMES)
def test_an_unknown_name_is_not_found(alice, bob, browser, username):
    reader = browser(alice)

    assert reader.get(f"/people/{username}/").status_code == 404
    for deed in ("follow", "unfollow"):
        assert reader.post(f"/people/{username}/{deed}/").status_code == 404


UNKNOWN_PATHS = ["nothing", "posts/x/", "posts/-1/", "posts/1.5/", "%00", "posts//", "é/", ".env", "admin/"]


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_what_is_not_there_is_not_found_on_a_page_of_its_own(browser, path):
    response = browser().get(f"/{path}", follow=True)

    assert response.status_code == 404
    assert "There is nothing here" in response.text


FORM = "application/x-www-form-urlencoded"
BROKEN_BODIES = [
    (b"\xff\xfe", FORM),
    (b"a=1&" * 2000, FORM),
    (b"x", "multipart/form-data"),
    (b"--b\r\n", "multipart/form-data; boundary=b"),
    (b"{}", "application/json"),
]


@pytest.mark.parametrize("body, kind", BROKEN_BODIES)
def test_a_body_that_is_no_form_is_refused(alice, browser, path, body, kind):
    before = counts()

    for visitor, names in ((browser(), ["signup", "login"]), (browser(alice), ["new_post", "comment", "settings"])):
        for name in names:
            response = visitor.generic("POST", path(name), body, content_type=kind)
            assert response.status_code in (200, 400, 413), name

    assert counts() == before


@pytest.mark.parametrize("number", [400, 404, 500])
def test_an_error_has_a_page(number):
    from django.template.loader import render_to_string

    assert "<h1>" in render_to_string(f"{number}.html")


def test_reverse_gives_the_names_of_the_design(alice):
    assert reverse("home") == "/"
    assert reverse("signup") == "/accounts/signup/"
    assert reverse("login") == "/accounts/login/"
    assert reverse("post", args=[7]) == "/posts/7/"
    assert reverse("letters") == "/letters/"
    assert reverse("jobs_queue", args=["default"]) == "/jobs/queues/default/"
    assert reverse("jobs_job", args=["7"]) == "/jobs/job/7/"
    assert reverse("jobs_stats") == "/jobs/stats"
