from email import message_from_bytes, policy

import pytest

from web.letters.models import Letter

HTML = '<h1 style="color:red">Hello</h1><script>alert(1)</script>'


@pytest.fixture
def reader(staff, browser):
    return browser(staff)


def test_the_newest_stands_first(alice, letter_to, reader):
    for subject in ("oldest", "older", "new"):
        letter_to(alice, subject)

    assert [letter.subject for letter in reader.get("/letters/").context["page"]] == ["new", "older", "oldest"]


def test_an_empty_inbox_says_what_to_do(reader):
    assert "No letters" in reader.get("/letters/").text


def test_there_are_pages(alice, letter_to, reader):
    for number in range(26):
        letter_to(alice, f"letter {number}")

    shown = {page: len(reader.get("/letters/", {"page": page}).context["page"]) for page in ("", "1", "2")}

    assert shown == {"": 25, "1": 25, "2": 1}


def test_a_page_that_cannot_be_is_no_error(reader):
    for page in ("99", "0", "-1", "x", "9" * 5000, "%00"):
        assert reader.get("/letters/", {"page": page}).status_code == 200, page


def test_a_letter_shows_its_parts(alice, letter_to, reader):
    letter = letter_to(alice, "Hello Alice", html=HTML)

    page = reader.get(f"/letters/{letter.pk}/").text

    assert "Hello Alice" in page
    assert "alice@example.com" in page
    assert "Hello in text" in page
    assert "Message-ID" in page
    assert "<script>alert" not in page
    frame = page[page.index("<iframe") : page.index("</iframe")]
    assert f'src="/letters/{letter.pk}/html/"' in frame
    assert 'sandbox="' in frame
    assert "allow-scripts" not in frame
    assert "allow-same-origin" not in frame


def test_a_letter_without_html_has_no_frame(alice, letter_to, reader):
    page = reader.get(f"/letters/{letter_to(alice, html='').pk}/").text

    assert "<iframe" not in page
    assert "Hello in text" in page


def test_its_html_stands_alone_and_can_do_nothing(alice, letter_to, reader):
    response = reader.get(f"/letters/{letter_to(alice, html=HTML).pk}/html/")

    assert response.text.strip() == HTML
    parts = [part.strip().partition(" ") for part in response["Content-Security-Policy"].split(";")]
    policy = {name: rest for name, _, rest in parts}
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy["frame-ancestors"] == "'self'"
    assert not {"allow-scripts", "allow-same-origin", "allow-forms"} & set(policy["sandbox"].split())
    assert response["X-Frame-Options"] == "SAMEORIGIN"


def test_that_is_the_one_exception_to_the_policy_of_the_site(alice, letter_to, reader):
    letter = letter_to(alice)

    for page in ("/letters/", f"/letters/{letter.pk}/", f"/letters/{letter.pk}/raw/"):
        assert "unsafe-inline" not in reader.get(page)["Content-Security-Policy"]


def test_the_raw_letter_is_what_was_sent(alice, letter_to, reader):
    letter = letter_to(alice, "Grüße ☀", attachments=[("a.txt", "text", "text/plain")])

    response = reader.get(f"/letters/{letter.pk}/raw/")

    assert response["Content-Disposition"] == f'attachment; filename="letter-{letter.pk}.eml"'
    assert response["Content-Type"] == "message/rfc822"
    message = message_from_bytes(response.content, policy=policy.default)
    assert message["Subject"] == "Grüße ☀"
    assert message["To"] == "alice@example.com"
    assert message.get_body(["plain"]).get_content().strip() == "Hello in text"
    assert message.get_body(["html"]).get_content().strip() == "<p>Hello</p>"
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.txt"]
    assert not [name for name in message.keys() if "kickstand" in name.lower()]  # noqa: SIM118  (not a dict)


@pytest.mark.parametrize(
    "name, content, kind",
    [
        ("a.txt", "text", "text/plain"),
        ("a.html", "<script>alert(1)</script>", "text/html"),
        ("a.bin", b"\0\1\2\xff", "application/octet-stream"),
        ('空 "quoted".pdf', b"%PDF", "application/pdf"),
        ("a.svg", b"<svg/>", "image/svg+xml"),
        ("empty.txt", "", "text/plain"),
        ("empty.bin", b"", "application/octet-stream"),
    ],
)
def test_an_attachment_comes_back_as_a_download(alice, letter_to, reader, name, content, kind):
    letter = letter_to(alice, attachments=[("first.txt", "first", "text/plain"), (name, content, kind)])

    response = reader.get(f"/letters/{letter.pk}/attachments/1/")

    sent = content if isinstance(content, bytes) else content.encode()
    assert response.content.removesuffix(b"\r\n") == sent  # in a mail, every text ends with a line break
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"


def test_the_attachments_are_linked_by_name(alice, letter_to, reader):
    letter = letter_to(alice, attachments=[("<b>.txt", "text", "text/plain"), ("b.txt", "text", "text/plain")])

    page = reader.get(f"/letters/{letter.pk}/").text

    assert f'<a href="/letters/{letter.pk}/attachments/1/">b.txt</a>' in page
    assert "<b>.txt" not in page


@pytest.mark.parametrize("part", ["attachments/1/", "attachments/999999999999999999999999/"])
def test_an_attachment_that_is_not_there_is_not_found(alice, letter_to, reader, part):
    letter = letter_to(alice, attachments=[("a.txt", "text", "text/plain")])

    assert reader.get(f"/letters/{letter.pk}/{part}").status_code == 404


def test_deleting_one_leaves_the_others(alice, letter_to, reader):
    first, second = letter_to(alice), letter_to(alice)

    page = reader.post(f"/letters/{first.pk}/delete/", follow=True)

    assert list(Letter.objects.all()) == [second]
    assert "The letter was deleted." in page.text
    assert reader.post(f"/letters/{first.pk}/delete/").status_code == 404


def test_deleting_all_tells_how_many(alice, letter_to, reader):
    letter_to(alice)
    letter_to(alice)

    page = reader.post("/letters/delete/", follow=True)

    assert not Letter.objects.exists()
    assert "2 letters were deleted." in page.text


@pytest.mark.parametrize("count", [1, 12])
def test_the_number_of_queries_is_fixed(alice, letter_to, reader, django_assert_num_queries, count):
    for _ in range(count):
        letter_to(alice)

    with django_assert_num_queries(4):
        assert len(reader.get("/letters/").context["page"]) == count
