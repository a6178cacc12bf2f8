"""What goes out is what Python's own policy would have written, byte for byte."""

import copy
import random
import re
from email import message_from_bytes, policy
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage as Message
from email.message import MIMEPart

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives

from worker import mime

FIXED = {"Message-ID": "<1@test.example>", "Date": "Sun, 22 Nov 2026 10:00:00 -0000"}


def letter(**options):
    options = {"subject": "Hello", "body": "text", "from_email": "us@example.com", "to": ["a@example.com"]} | options
    return EmailMultiAlternatives(**options | {"headers": FIXED | options.get("headers", {})})


def with_parts(*, html="<b>Grüße</b>", attachments=(), **options):
    made = letter(**options)
    made.attach_alternative(html, "text/html")
    for each in attachments:
        made.attach(*each)
    return made


def with_a_picture():
    part, made = MIMEPart(), letter()
    part.set_content(b"\x89PNG", "image", "png", filename="ü.png", cid="<c>")
    made.attach(part)
    return made


def with_a_signature():
    """A header of such a part is not folded (RFC 1847)."""
    signed = Message(policy=policy.default)
    signed["Content-Type"] = 'multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary="b"'
    signed.set_payload([MIMEPart(policy=policy.default)])
    signed.get_payload(0)["Subject"] = "long " * 30
    return letter(attachments=[signed])


LETTERS = {
    "plain": letter(),
    "alternatives": with_parts(),
    "nothing in it": letter(body="", subject=""),
    "names": letter(
        from_email='"Kühn, Jürgen" <j@example.com>',
        to=["日本語 <a@example.com>", '"a, b" <b@example.com>', "O'Neil <c@example.com>", "A.B. <d@example.com>"],
        cc=["us@bücher.example"],
        reply_to=["x <y@example.com>", "z@example.com"],
    ),
    "odd addresses": letter(from_email="webmaster", to=['"a b"@example.com', "a@[127.0.0.1]", "a+b_c@x-y.example"]),
    "many recipients": letter(to=[f"somebody.{number}@example.com" for number in range(30)]),
    "a group": letter(headers={"To": "undisclosed-recipients:;"}),
    "a long subject": letter(subject="a subject that goes on " * 9),
    "a subject of one long word": letter(subject="x" * 300),
    "a subject at the edge": letter(subject="x" * 69),
    "a subject over the edge": letter(subject="x" * 70),
    "a subject in Japanese": letter(subject="さんが写真に「いいね」しました。" * 3),
    "a subject that looks encoded": letter(subject="=?utf-8?q?caf=C3=A9?= and =?nonsense"),
    "a subject with spaces": letter(subject="  two  spaces\tand a tab  "),
    "a subject with odd characters": letter(subject="a\x00b\x7fc \udce9"),
    "lines of every kind": letter(body=".\n..\n.x\nFrom here\r\nFrom there\rand\n\n\n"),
    "a long line": letter(body="x" * 2000),
    "a long line in German": letter(body="ü" * 2000 + "\n" + "short"),
    "headers": letter(headers={"X-One": "1", "List-Unsubscribe": f"<https://example.com/{'x' * 90}>", "X-Ü": "ü" * 80}),
    "a header twice": letter(headers={"x-one": "a", "X-One": "b"}),
    "other addresses in headers": letter(headers={"Sender": "S <s@example.com>", "To": "t@example.com", "From": "f@x"}),
    "attachments": with_parts(
        attachments=[
            ("a.txt", "plain", "text/plain"),
            ("b.bin", bytes(range(256)) * 20, "application/octet-stream"),
            ("Übersicht – 2026.pdf", b"%PDF", "application/pdf"),
            ("x" * 200 + ".txt", "ü", "text/plain"),
            ("mail.eml", letter(subject="Grüße").message().as_bytes(), "message/rfc822"),
            ("other", letter(subject="an other"), "message/rfc822"),
        ]
    ),
    "an invitation": with_parts(html="BEGIN:VCALENDAR", subject="Kommt!"),
    "a part": with_a_picture(),
    "a signature": with_a_signature(),
    "something like a boundary": with_parts(body='Content-Type: multipart/mixed; boundary="=====1=="'),
}


def written(message, policy):
    """The mail as it goes out, without what is chance: the marks between its parts."""
    return re.sub(rb"={15}\d{19}==", b"=", copy.deepcopy(message).message(policy=policy).as_bytes())


@pytest.mark.parametrize("name", LETTERS)
def test_a_mail_is_the_same_as_by_the_policy_of_python(name):
    expected = written(LETTERS[name], policy.SMTP)
    for _ in range(2):  # the second time from memory
        assert written(LETTERS[name], mime.SMTP).split(b"\r\n") == expected.split(b"\r\n")


def test_another_encoding():
    made = letter(subject="Grüße", body="Grüße")
    made.encoding = "iso-8859-1"
    assert written(made, mime.SMTP) == written(made, policy.SMTP)


PIECES = [*"a1 @<>,;:.\"'()[]\\-_+=\t\n\rü", "  ", "=?", "?=", "utf-8?q?x", "Alice", "日本", "x" * 60]
PIECES += ["example.com", "us@example.com", "<us@example.com>"]
NAMES = ["Subject", "To", "from", "Reply-To", "Sender", "Message-ID", "X-Other", "Date", "MIME-Version", "In-Reply-To"]
NAMES += ["Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Resent-To"]


@pytest.mark.parametrize("name", NAMES)
def test_any_header_is_folded_and_read_as_python_does(name):
    chance, python = random.Random(name), HeaderRegistry()
    for _ in range(250):
        value = "".join(chance.choices(PIECES, k=chance.randint(1, 8)))
        try:
            expected = python(name, value)
            line = expected.fold(policy=policy.SMTP)
        except Exception as error:  # Python's parser has its own ways to fail
            with pytest.raises(type(error)):
                mime.headers(name, value).fold(policy=mime.SMTP)
            continue
        header = mime.headers(name, value)
        assert header == expected
        assert [header.fold(policy=mime.SMTP) for _ in range(2)] == [line] * 2, value
        assert header.fold(policy=policy.HTTP) == expected.fold(policy=policy.HTTP)
        assert [str(each) for each in header.defects] == [str(each) for each in expected.defects]


def test_boundaries_are_folded_as_python_does():
    for kind in ("mixed", "alternative", "related"):
        value = f'multipart/{kind}; boundary="==============={7:019}=="'
        header = mime.headers("Content-Type", value)
        assert type(header) is mime.Plain
        assert header.fold(policy=mime.SMTP) == HeaderRegistry()("Content-Type", value).fold(policy=policy.SMTP)


def test_a_plain_header_knows_what_a_parsed_one_does():
    message = EmailMessage("Hello", "text", "Us <us@example.com>", ["a@example.com"]).message(policy=mime.SMTP)
    assert type(message["From"]) is type(message["Subject"]) is mime.Plain
    assert [address.addr_spec for address in message["From"].addresses] == ["us@example.com"]
    assert message["Date"].datetime.tzinfo
    assert copy.deepcopy(message["From"]).addresses == message["From"].addresses
    with pytest.raises(AttributeError):
        _ = message["Subject"].addresses


@pytest.mark.parametrize(
    "name, value",
    [("Subject", "a\nb"), ("Subject", "a\r\nBcc: c@x"), ("To", "a@x\rb"), ("X-One", "1\n 2")],
)
def test_no_header_brings_another_one(name, value):
    with pytest.raises(ValueError):
        letter(headers={name: value}).message(policy=mime.SMTP)


def test_a_header_comes_once():
    message = letter().message(policy=mime.SMTP)
    with pytest.raises(ValueError):
        message["Subject"] = "another"


def test_what_is_remembered_has_a_limit():
    for number in range(2 * mime.REMEMBERED):
        mime.headers(f"X-{number}", f"ü{number}")
    assert mime.headers.parsed.cache_info().currsize == mime.headers.kind.cache_info().currsize == mime.REMEMBERED
    size = mime.headers.parsed.cache_info().misses
    mime.headers("Subject", "ü" * (mime.LONGEST + 1))
    assert mime.headers.parsed.cache_info().misses == size


@pytest.mark.parametrize(
    "mailbox, address",
    [
        ("us@example.com", "us@example.com"),
        ("The Team 7 <us@example.com>", "us@example.com"),
        ("webmaster", None),
        ("<us@example.com>", None),
        ("us@example.com\n", None),
        ("a@x, b@x", None),
        ("a <b@x> c", None),
        ("ü@example.com", None),
        ("us@bücher.example", None),
    ],
)
def test_only_the_address_of_a_plain_mailbox_is_read_without_python(mailbox, address):
    assert mime.address_in(mailbox) == address


def test_a_mail_can_be_read_again():
    read = message_from_bytes(LETTERS["attachments"].message(policy=mime.SMTP).as_bytes(), policy=policy.default)
    assert [part.get_filename() for part in read.iter_attachments()][:3] == ["a.txt", "b.bin", "Übersicht – 2026.pdf"]
