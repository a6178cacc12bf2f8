import json
import re
from email.message import MIMEPart

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import lazystr

from worker import parcel

FIXED = {"Message-ID": "<1@test>", "Date": "Sun, 22 Nov 2026 10:00:00 -0000"}


def message(**options):
    options = {
        "subject": "Grüße ☀",
        "body": "text",
        "from_email": "Us <us@example.com>",
        "to": ["a@example.com"],
    } | options
    return EmailMultiAlternatives(**options, headers=FIXED | {"X-One": "1"})


def with_everything():
    letter = message(cc=["c@example.com"], bcc=["b@example.com"], reply_to=["r@example.com"])
    letter.attach_alternative("<b>html</b>", "text/html")
    letter.attach("a.txt", "plain", "text/plain")
    letter.attach("b.bin", b"\x00\xff", "application/octet-stream")
    return letter


def with_a_part():
    letter, part = message(), MIMEPart()
    part.set_content(b"part", "image", "png", filename="c.png", cid="<c>")
    letter.attach(part)
    return letter


def with_a_mail_in_it():
    letter = message()
    letter.attach("forwarded.eml", message(subject="the other"), "message/rfc822")
    letter.attach("raw.eml", message(subject="a third").message().as_bytes(), "message/rfc822")
    return letter


def with_an_invitation():
    letter = message()
    letter.attach_alternative(b"\x00binary", "application/x-something")
    letter.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
    return letter


def in_another_encoding():
    letter = message(subject="Grüße", body="Grüße")
    letter.encoding = "iso-8859-1"
    return letter


def only_html():
    letter = EmailMessage("subject", "<p>html</p>", to=["a@example.com"], headers=dict(FIXED))
    letter.content_subtype = "html"
    return letter


def with_lazy_texts():
    return message(subject=lazystr("later"), body=lazystr("later"), to=[lazystr("a@example.com")])


LETTERS = [
    with_everything,
    with_a_part,
    with_a_mail_in_it,
    with_an_invitation,
    in_another_encoding,
    only_html,
    with_lazy_texts,
]


def lines(letter):
    """The mail as it goes out, without what is chance: the marks between its parts."""
    return re.sub(rb"={5,}\d+==", b"", letter.message().as_bytes()).splitlines()


@pytest.mark.parametrize("make", LETTERS)
def test_a_mail_is_the_same_after_the_queue(make):
    before = make()
    after = parcel.unpack(json.loads(json.dumps(parcel.pack(before))), EmailMultiAlternatives())
    assert lines(after) == lines(before)
    assert after.recipients() == before.recipients()
    assert after.from_email == before.from_email
