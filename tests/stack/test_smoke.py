"""`make smoke` says in a sentence what is wrong with a site, nothing when all is well, and leaves nobody behind."""

import os
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.servers import ROOT, Stack, free_port, get, smoke, until
from tests.smoke.site import Visitor, Wrong, address, recognize
from tests.stack.edge import Edge
from tests.stack.nginx import WRITTEN

MAKE = "make: *** "  # how make says that a command has failed


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A stack as it is in production."""
    site = Stack(tmp_path_factory.mktemp("smoke") / "stack", DEMO="0", WEB_CONCURRENCY="1", HOOK_EXAMPLE_SECRET=WRITTEN)
    site.manage("collectstatic", "--no-input")
    site.manage("migrate")
    site.start("redis", "web")
    start_worker(site)
    yield site
    assert "status=500" not in site.log("web")
    site.stop()


@pytest.fixture
def edge(site):
    """A maker of what stands in front of the site."""
    made = []

    def edge(**options):
        made.append(Edge(site.port, **options))
        return made[-1]

    yield edge
    for each in made:
        each.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(a context for a server at 127.0.0.1, the path of its certificate, which it signed itself)"""
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"


def start_worker(site):
    site.start("worker")
    until(lambda: get(f"{site.url}/readyz?full=1").status_code == 200, "a worker")


@pytest.fixture
def without_worker(site):
    site.end("worker")
    yield
    start_worker(site)


def count(site, table):
    with sqlite3.connect(site.folder / "var" / "db.sqlite3") as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def left(site):
    """How many users and posts there are."""
    return count(site, "accounts_user"), count(site, "feed_post")


def lines(output, word):
    return [line.removeprefix(word).strip() for line in output.splitlines() if line.startswith(word)]


def test_a_site_that_is_well(site):
    code, output = smoke(site.url)

    assert code == 0, output
    assert len(lines(output, "ok")) == 20
    hook, *skipped = lines(output, "skip")
    assert "SMOKE_HOOK_SECRET does not tell" in hook
    assert len(skipped) == 3  # by name, since it is http on this machine
    assert all(f"{site.url} is on this machine, and not https" in line for line in skipped)
    assert len(output.splitlines()) == 20 + 4
    assert left(site) == (0, 0)
    until(lambda: not count(site, "files_file"), "the photo and its thumbnail to be deleted by their job")


NO_WORKER = "/readyz?full=1 answers 503, with workers: away."


def test_what_is_wrong_is_said_in_a_sentence_each(site, edge, without_worker):
    harmed = edge(without=["content-security-policy", "referrer-policy"], failing="/like/$")
    code, output = smoke(harmed.url, SMOKE_JOB_SECONDS="1")

    assert code
    assert lines(output, "FAIL") == [
        "the header Content-Security-Policy is missing.",
        "Referrer-Policy is '', and none of no-referrer, same-origin, strict-origin, strict-origin-when-cross-origin.",
        NO_WORKER,
        next(line for line in lines(output, "FAIL") if "/like/ answers 500, and not 302." in line),
        "the job of the photo is waiting, and was not done within 1 s: does a worker run?",
    ]
    assert lines(output, "ok")[-3] == "The account deletes itself, with all that it made."
    assert [line for line in output.splitlines() if line[:4] not in ("ok  ", "skip", "FAIL", MAKE[:4])] == []
    assert left(site) == (0, 0)


def test_when_it_is_stopped_in_the_middle_it_leaves_nobody_behind_either(site, without_worker):
    command = [sys.executable, "-m", "pytest", "-c", "tests/smoke/pytest.ini", "tests/smoke"]
    environment = os.environ | {"URL": site.url, "SMOKE_JOB_SECONDS": "60"}
    run = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    until(lambda: count(site, "feed_like"), "a like")
    run.send_signal(signal.SIGTERM)
    output = run.communicate(timeout=60)[0]

    assert run.returncode
    assert lines(output, "FAIL") == [NO_WORKER, "interrupted."]
    assert "Traceback" not in output
    assert left(site) == (0, 0)


def test_an_account_that_cannot_be_deleted_is_named(site, edge):
    code, output = smoke(edge(failing="^/accounts/delete/|^/posts/").url)

    assert code
    (name,) = {line.split()[2] for line in lines(output, "FAIL") if "left behind" in line}
    assert len(lines(output, "FAIL")) == 2
    assert "there is no photo" in output
    assert left(site) == (1, 0)
    script = f"from web.accounts.models import User; User.objects.get(username={name!r}).delete()"
    site.manage("shell", "--no-imports", "-c", script)


def test_who_cannot_sign_up_hears_why(site):
    code, output = smoke(site.url, SMOKE_EMAIL="nobody")

    assert code
    assert lines(output, "FAIL") == ["nobody can sign up: /accounts/signup/ says 'Enter a valid email address.'."]
    assert sum("nobody is signed up" in line for line in lines(output, "skip")) == 5
    assert left(site) == (0, 0)


@pytest.fixture
def over_https(site, edge, certificate):
    """The same site behind an edge that speaks TLS."""
    front = edge(context=certificate[0])
    before = site.environment
    site.environment = before | {"SITE_URL": front.url, "TRUST_PROXY": "1"}
    site.end("web")
    site.start("web")
    yield front
    site.environment = before
    site.end("web")
    site.start("web")


def test_https(site, over_https, certificate):
    code, output = smoke(
        over_https.url, SSL_CERT_FILE=str(certificate[1]), SMOKE_HTTP_URL=site.url, SMOKE_HOOK_SECRET=WRITTEN
    )

    assert code == 0, output
    assert lines(output, "skip") == []
    assert len(lines(output, "ok")) == 20 + 4
    assert left(site) == (0, 0)


def said(url, **environment):
    """What a run says that tries nothing."""
    code, output = smoke(url, **environment)
    assert code
    line, make = output.splitlines()
    assert make.startswith(MAKE)
    return line


def test_a_certificate_that_nobody_trusts(edge, certificate):
    url = edge(context=certificate[0]).url
    assert said(url) == f"FAIL  GET {url}/healthz: its certificate is not valid: self-signed certificate."


def test_no_tls_where_it_should_be(site):
    line = said(f"https://127.0.0.1:{site.port}")
    assert line.startswith(f"FAIL  GET https://127.0.0.1:{site.port}/healthz: TLS does not come about: ")


def test_nothing_is_there():
    port = free_port()
    assert said(f"http://127.0.0.1:{port}") == f"FAIL  GET http://127.0.0.1:{port}/healthz: nothing listens there."


def test_a_name_that_nobody_has():
    assert said("https://nobody.invalid") == "FAIL  GET https://nobody.invalid/healthz: its name cannot be resolved."


def test_what_is_no_secret_of_a_hook(site):
    line = said(site.url, SMOKE_HOOK_SECRET="hush")
    assert line == "FAIL  SMOKE_HOOK_SECRET is no secret: use whsec_ and base64."


def test_no_url():
    assert said("") == "FAIL  URL is missing: make smoke URL=https://www.example.com."


ODD = ["photos.example.com", "ftp://photos.example.com", "https://", "https://photos.example.com/x", "https://x:99999",
       "https://[x", "https://x y"]  # fmt: skip


@pytest.mark.parametrize("url", ODD)
def test_what_is_no_url_of_a_site(url):
    with pytest.raises(Wrong, match=re.escape(f"URL is {url!r}: use the like of https://www.example.com")):
        address(url)


@pytest.mark.parametrize("url", ["https://photos.example.com", "http://localhost:8000", "http://[::1]:8000"])
def test_what_is_one(url):
    assert address(url) == address(f"{url}/") == url


@pytest.fixture
def foreign():
    """A server that gives one answer to all: (its URL, what it was asked)."""
    asked, stops = [], []

    def foreign(answer, status=200):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(status)
                self.send_header("Location", "https://elsewhere.example.com/")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stops.extend([server.shutdown, server.server_close])
        return f"http://127.0.0.1:{server.server_port}", asked

    yield foreign
    for stop in stops:
        stop()


NOT_OURS = [
    (b"<h1>It works!</h1>", 200, "is not Kickstand, or is down: /healthz answers 200, and not ok"),
    (b"Bad gateway", 502, "is not Kickstand, or is down: /healthz answers 502, and not ok"),
    (b"ok\n", 200, "is not Kickstand: /readyz tells of no database"),
    (b"", 301, "sends visitors on to https://elsewhere.example.com/: smoke that"),
]


@pytest.mark.parametrize("answer, status, sentence", NOT_OURS)
def test_what_is_not_ours_is_recognized(foreign, answer, status, sentence):
    with pytest.raises(Wrong, match=re.escape(sentence)):
        recognize(Visitor(foreign(answer, status)[0]))


def test_nothing_else_is_tried_on_what_is_not_ours(foreign):
    url, asked = foreign(b"<h1>It works!</h1>")
    assert said(url) == f"FAIL  {url} is not Kickstand, or is down: /healthz answers 200, and not ok."
    assert asked == ["/healthz"]
