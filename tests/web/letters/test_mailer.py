import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives, mailers

from web.letters.models import Letter

pytestmark = pytest.mark.django_db


def test_a_message_is_kept_with_all_it_says():
    message = EmailMultiAlternatives(
        "Grüße ☀", "text", "Us <us@example.com>", ["a@example.com"], cc=["c@example.com"], bcc=["hidden@example.com"]
    )
    message.attach_alternative("<p>html</p>", "text/html")

    assert mailers["delivery"].send_messages([message]) == 1

    letter = Letter.objects.get()
    assert (letter.user, letter.private) == (None, False)
    assert (letter.subject, letter.sender) == ("Grüße ☀", "Us <us@example.com>")
    assert (letter.text.strip(), letter.html.strip()) == ("text", "<p>html</p>")
    assert set(letter.recipients.split(", ")) == {"a@example.com", "c@example.com", "hidden@example.com"}
    assert b"hidden" not in bytes(letter.raw)  # what others would read


def test_a_message_that_comes_twice_is_kept_once():
    message = EmailMessage("Hello", "text", to=["a@example.com"], headers={"Message-ID": "<1@example.com>"})

    mailers["delivery"].send_messages([message])
    mailers["delivery"].send_messages([message])

    assert Letter.objects.count() == 1


def test_two_messages_that_say_the_same_are_two():
    for _ in range(2):
        EmailMessage("Hello", "text", to=["a@example.com"]).send(using="delivery")

    assert Letter.objects.count() == 2


def test_a_message_that_is_only_html_is_kept_as_html():
    message = EmailMessage("Hello", "<p>html</p>", to=["a@example.com"])
    message.content_subtype = "html"

    message.send(using="delivery")

    letter = Letter.objects.get()
    assert (letter.text, letter.html.strip()) == ("", "<p>html</p>")
