"""What a site on https behind a router sends with every answer, and what it takes, from gunicorn as in production."""

import re
import socket
from contextlib import ExitStack, suppress
from http.cookies import SimpleCookie

import httpx
import pytest

from tests.journeys.people import PASSWORD
from tests.servers import Stack

HOST = "photos.example.com"
THREADS = 2
LARGE = 64 * 1024 * 1024  # bytes, more than the system keeps for somebody who does not read
STAFF = f"""
from web.accounts.models import User
User.objects.create_user("staff", password="{PASSWORD}", is_staff=True)
"""


class Visitor:
    """Somebody with a browser behind a router that speaks https; cookies are kept as they were sent."""

    def __init__(self, url):
        self.http, self.cookies = httpx.Client(base_url=url, timeout=30), {}

    def ask(self, method, path, host=HOST, proto="https", headers=None, **body):
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items())
        sent = {"Host": host, "X-Forwarded-Proto": proto, "Cookie": cookies, "Referer": f"https://{HOST}/"}
        answer = self.http.request(method, path, headers=sent | (headers or {}), **body)
        for line in answer.headers.get_list("set-cookie"):
            self.cookies.update(SimpleCookie(line))
        return answer

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def submit(self, path, files=None, **fields):
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)[1]
        return self.ask("POST", path, data=fields | {"csrfmiddlewaretoken": token}, files=files)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Stack(
        tmp_path_factory.mktemp("headers") / "site",
        DEMO="0", SITE_URL=f"https://{HOST}", TRUST_PROXY="1", TASK_BACKEND="immediate", WEB_CONCURRENCY="1",
        WEB_THREADS=str(THREADS), HOOK_EXAMPLE_SECRET="whsec_" + "A" * 32,
    )  # fmt: skip
    lose_patience(site.folder / "infra/patience.py")
    site.manage("collectstatic", "--no-input")
    with (site.folder / "staticfiles/large.zip").open("wb") as file:
        file.truncate(LARGE)
    site.manage("migrate")
    site.manage("shell", "--no-imports", "-c", STAFF)
    site.start("redis", "web")
    yield site
    site.stop()


def lose_patience(module):
    """Nobody here is silent for five seconds but those who are for ever."""
    shipped = module.read_text()
    hasty = shipped.replace("\nSECONDS = 30 ", "\nSECONDS = 5 ")
    assert hasty != shipped
    module.write_text(hasty)


@pytest.fixture
def visitor(site):
    return Visitor(site.url)


@pytest.fixture
def staff(visitor):
    assert visitor.submit("/accounts/login/", username="staff", password=PASSWORD).status_code == 302
    return visitor


def check(answer, status):
    """Every answer has these, whatever it is."""
    assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Server" not in answer.headers or "/" not in answer.headers["Server"]


def test_pages(visitor):
    for path in ("/", "/accounts/login/", "/accounts/signup/", "/explore/"):
        answer = visitor.get(path)
        check(answer, 200)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_the_dashboard_and_the_inbox(staff):
    for path in ("/jobs/", "/jobs/dead/", "/jobs/stats", "/letters/"):
        answer = staff.get(path)
        check(answer, 200)
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_static_files(visitor):
    for path in re.findall(r'(?:href|src)="(/static/[^"#]+)', visitor.get("/").text):
        check(visitor.get(path), 200)
    check(visitor.get("/static/none.css"), 404)


def test_photos(staff, photo):
    post = staff.submit("/posts/new/", files={"photo": photo.open("rb")}, caption="").headers["Location"]
    shown = set(re.findall(r'src="(/photos/[^"]+)', staff.get(post).text + staff.get("/").text))
    assert len(shown) == 2  # the photo and its thumbnail
    for path in shown:
        check(staff.get(path), 200)


def test_refusals(visitor):
    check(visitor.get("/nothing/"), 404)
    check(visitor.ask("POST", "/accounts/login/", data={"username": "x"}), 403)
    check(visitor.ask("POST", "/accounts/login/", data={"username": "x" * 600_000}), 413)
    visitor.submit("/accounts/signup/", username="Visitor", password1=PASSWORD, password2=PASSWORD)
    check(visitor.get("/jobs/"), 403)


def test_too_many_attempts_from_the_address_that_the_router_has_added(visitor):
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', visitor.get("/accounts/login/").text)[1]
    fields = {"email": "nobody@example.com", "csrfmiddlewaretoken": token}

    def reset(forwarded):
        return visitor.ask("POST", "/accounts/password/reset/", data=fields, headers={"X-Forwarded-For": forwarded})

    assert {reset(f"198.51.100.{number}, 203.0.113.7").status_code for number in range(30)} == {302}
    answer = [reset("198.51.100.99, 203.0.113.7") for _ in range(5)][-1]  # some may have been counted elsewhere
    check(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert reset("203.0.113.7, 203.0.113.8").status_code == 302


@pytest.mark.parametrize("host", ["evil.example", f"{HOST}.evil.example", f"{HOST}@evil.example", ""])
def test_another_host_is_refused(visitor, host):
    check(visitor.get("/accounts/login/", host=host), 400)

    answer = visitor.get("/accounts/login/", host=host, proto="http")  # not sent on to anywhere
    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_a_host_that_is_forwarded_is_not_believed(visitor):
    answer = visitor.get("/jobs/", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})

    assert answer.headers["Location"] == "/accounts/login/?next=/jobs/"


def test_who_came_by_http_is_sent_on_to_https_of_this_site(visitor):
    answer = visitor.get("/explore/?before=3", proto="http")

    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{HOST}/explore/?before=3")


def test_cookies_are_for_this_host_over_https_alone(staff):
    cookies = {name: cookie for name, cookie in staff.cookies.items() if cookie.value}
    assert set(cookies) == {"__Host-sessionid", "__Host-csrftoken", "django_language"}
    for cookie in cookies.values():
        assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax")
        assert cookie["secure"] is cookie["httponly"] is True


def test_what_stands_before_a_body_has_limits(site, visitor):
    assert visitor.get("/?" + "x" * 5000).status_code in (400, 414)
    assert visitor.get("/", headers={"X-Large": "x" * 9000}).status_code in (400, 431)
    assert visitor.get("/", headers={f"X-{number}": "x" for number in range(70)}).status_code in (400, 431)
    assert visitor.get("/", headers={"X-Large": "x" * 4000}).status_code == 200


def test_a_body_too_large_is_answered_at_once_where_nobody_waits_for_its_end(site):
    head = f"POST /accounts/login/ HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n"
    head += f"Content-Length: {10**12}\r\n\r\n"
    with client(site, head + "x" * 1000) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


HEAD = f"Host: {HOST}\r\nX-Forwarded-Proto: https\r\nReferer: https://{HOST}/\r\n"
TOKEN = f"Cookie: __Host-csrftoken={'a' * 32}\r\n"  # or a form would be refused unread
UNFINISHED = {
    "header": f"GET / HTTP/1.1\r\n{HEAD}",
    "message": f"POST /hooks/example HTTP/1.1\r\n{HEAD}Content-Length: 1000\r\n\r\nbegin",
    "photo": f"POST /posts/new/ HTTP/1.1\r\n{HEAD}{TOKEN}Content-Type: multipart/form-data; boundary=x\r\n"
    'Content-Length: 1000\r\n\r\n--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\nbegin',
}


@pytest.fixture
def no_error(site):
    """A client that goes away is no fault of ours."""
    told = len(site.log("web"))
    yield
    log = site.log("web")[told:]
    assert "ERROR" not in log and "Traceback" not in log


@pytest.mark.parametrize("begun", UNFINISHED.values(), ids=UNFINISHED)
def test_clients_that_stop_in_the_middle_of_a_request_keep_nobody_waiting(site, visitor, no_error, begun):
    with ExitStack() as stack:
        silent = [stack.enter_context(client(site, begun)) for _ in range(THREADS + 1)]
        check(visitor.get("/accounts/login/"), 200)
        assert [received(each) for each in silent] == [0] * len(silent)


def test_clients_that_take_nothing_of_a_file_keep_nobody_waiting(site, visitor, no_error):
    with ExitStack() as stack:
        begun = f"GET /static/large.zip HTTP/1.1\r\n{HEAD}\r\n"
        silent = [stack.enter_context(client(site, begun)) for _ in range(THREADS)]
        check(visitor.get("/accounts/login/"), 200)
        assert all(0 < received(each) < LARGE for each in silent)


def test_a_client_may_be_silent_for_longer_between_requests(site):
    page = f"HEAD /accounts/login/ HTTP/1.1\r\n{HEAD}\r\n"
    with client(site, page) as idle, client(site, UNFINISHED["header"]) as silent:
        assert idle.recv(8000).startswith(b"HTTP/1.1 200 ")
        assert received(silent) == 0
        idle.sendall(page.encode())
        assert idle.recv(8000).startswith(b"HTTP/1.1 200 ")


def client(site, begun):
    connection = socket.create_connection(("127.0.0.1", site.port), timeout=30)
    connection.sendall(begun.encode())
    return connection


def received(connection):
    """How many bytes came until the connection was closed."""
    size = 0
    with suppress(ConnectionResetError):
        while data := connection.recv(1024 * 1024):
            size += len(data)
    return size


def test_something_broken(site, visitor):  # the last test: it leaves no database
    for file in (site.folder / "var").glob("db.sqlite3*"):
        file.unlink()
    check(visitor.get("/"), 500)
