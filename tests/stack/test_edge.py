"""The edge is real nginx, in front of gunicorn, a worker and Redis, each of which is killed and hung in turn."""

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import redis

from tests.servers import Redis, Stack, smoke, until
from tests.stack.nginx import WRITTEN, Nginx, client, deliveries, headers, is_here
from tests.tls import Terminator
from tests.worker.staff import DAILY
from web import settings
from web.hooks import views
from web.hooks.signature import job_id
from worker import keys

TASK = "web.hooks.tasks.receive"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    is_here()
    environment = {"HOOK_EXAMPLE_SECRET": WRITTEN, "HOOK_RATE": "1000", "WEB_CONCURRENCY": "1", "TRUST_PROXY": "1"}
    site = Stack(tmp_path_factory.mktemp("edge") / "stack", DEMO="0", **environment)
    site.manage("collectstatic", "--no-input")
    site.manage("migrate")
    site.start("redis", "web", "worker")
    with redis.from_url(site.environment["REDIS_URL"]) as jobs:
        jobs.sadd(keys.PERIODIC_PAUSED, *DAILY)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def edge(site):
    edge = Nginx(site)
    yield edge
    assert "Traceback" not in site.log("web")
    edge.stop()


@pytest.fixture(autouse=True)
def all_is_well(site):
    """What a test has ended is started again."""
    yield
    missing = [name for name in ("redis", "web", "worker") if name not in site.processes]
    site.start(*missing)
    if missing:
        until(lambda: client.get(f"{site.url}/readyz?full=1").status_code == 200, "all of the site")


@pytest.fixture
def jobs(site):
    with redis.from_url(site.environment["REDIS_URL"]) as jobs:
        yield jobs


@pytest.fixture
def no_worker(site):
    site.end("worker")


def stored(site, id, seconds=30):
    """The body of a message, once its job has stored it."""
    until(lambda: id in deliveries(site), f"the delivery of {id}", seconds)
    return deliveries(site)[id]


def outbox(site):
    with closing(sqlite3.connect(site.folder / "var" / "db.sqlite3")) as database:
        return [token for (token,) in database.execute("SELECT token FROM worker_outbox")]


ODD = '{"id": 9007199254740993, "empty": [{}, []], "text": "Grüße \\u0000 \\"🚀\\" </script>", "nan": NaN}'


def test_a_message_is_stored_as_it_came_and_web_was_not_asked(site, edge):
    site.end("web")
    answer = edge.post(ODD.encode(), id="as-it-came")
    assert (answer.status_code, answer.json()) == (202, {"id": job_id("example", "as-it-came")})
    assert answer.headers["content-type"] == "application/json"
    assert stored(site, "as-it-came") == ODD


def test_a_message_that_comes_again_is_stored_once(site, edge, jobs):
    first = edge.post(b"1", id="twice")
    stored(site, "twice")
    jobs.delete(f"dedupe:{first.json()['id']}")  # as an hour later
    assert edge.post(b"1", id="twice").json() == first.json()
    edge.post(b"2", id="after")
    stored(site, "after")
    assert len([id for id in deliveries(site) if id == "twice"]) == 1


def test_many_at_once_are_all_stored_once(site, edge):
    ids = [f"many-{number}" for number in range(200)]
    answers = []

    def send():
        for id in ids:
            answers.append(edge.post(id.encode(), id=id).status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [202] * 800
    until(lambda: set(ids) <= deliveries(site).keys(), "all of them")
    assert {id: deliveries(site)[id] for id in ids} == {id: id for id in ids}


LONG_AGO = 1_700_000_000
REFUSED = {
    "another secret": (403, lambda: headers(b"{}", secret=bytes(32)), b"{}"),
    "another body": (403, lambda: headers(b"{}"), b"{ }"),
    "another id": (403, lambda: headers(b"{}") | {"webhook-id": "another"}, b"{}"),
    "another time": (403, lambda: headers(b"{}") | {"webhook-timestamp": str(int(time.time()) + 1)}, b"{}"),
    "an old message": (403, lambda: headers(b"{}", at=LONG_AGO), b"{}"),
    "one of the future": (403, lambda: headers(b"{}", at=int(time.time()) + 3600), b"{}"),
    "no signature": (403, dict, b"{}"),
    "an odd signature": (403, lambda: headers(b"{}") | {"webhook-signature": b"v1,\xff v2,x ,"}, b"{}"),
    "an id with a dot": (400, lambda: headers(b"{}", id="a.b"), b"{}"),
    "an id that is too long": (400, lambda: headers(b"{}", id="a" * 129), b"{}"),
    "no time": (400, lambda: headers(b"{}", at="soon"), b"{}"),
    "no body": (400, lambda: headers(b""), b""),
    "bytes": (400, lambda: headers(b"\xff\xfe"), b"\xff\xfe"),
    "a surrogate": (400, lambda: headers(b"\xed\xa0\x80"), b"\xed\xa0\x80"),
    "a NUL": (400, lambda: headers(b"a\0b"), b"a\0b"),
    "too much": (413, lambda: headers(b"a" * (views.MOST + 1)), b"a" * (views.MOST + 1)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_edge_and_web_refuse_the_same_in_the_same_words(site, edge, jobs, what):
    status, made, body = REFUSED[what]
    sent = made()
    doors = (edge.url, site.url)
    answers = [client.post(f"{url}/hooks/example", content=body, headers=sent) for url in doors]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json().keys() == {"error"}


def test_edge_and_web_take_the_same_and_give_it_the_same_id(site, edge):
    body = b'"' + b"\xc3\xbc" * (views.MOST // 2 - 1) + b'"'
    sent = headers(body, id="at-both")
    sent["webhook-signature"] = f"v1,{'A' * 43}= {sent['webhook-signature']}"  # as while a secret is changed
    answers = [client.post(f"{url}/hooks/example", content=body, headers=sent) for url in (edge.url, site.url)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert stored(site, "at-both") == body.decode()


def test_edge_and_web_say_which_method_to_use_and_which_hook_is_none(site, edge):
    for url in (edge.url, site.url):
        answer = client.get(f"{url}/hooks/example")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = client.post(f"{url}/hooks/nobody", content=b"{}", headers=headers(b"{}"))
        assert (answer.status_code, answer.json()) == (404, {"error": "there is no such hook"})
        assert client.post(f"{url}/hooks/a.b/c").status_code in (403, 404)


def test_who_sends_too_much_is_told_to_wait_and_others_are_not(site):
    edge = Nginx(site, HOOK_RATE="5", EDGE_TRUST_PROXY="1")
    try:
        answers = [edge.post() for _ in range(20)]
        assert {answer.status_code for answer in answers} == {202, 429}
        slow = next(answer for answer in answers if answer.status_code == 429)
        assert slow.headers["retry-after"] == "1"
        assert slow.json() == {"error": "too many messages"}
        other = headers(b"{}") | {"X-Forwarded-For": "192.0.2.9"}
        assert client.post(f"{edge.url}/hooks/example", content=b"{}", headers=other).status_code == 202
    finally:
        edge.stop()


class TestOutages:
    def test_redis_is_killed_and_the_message_waits_in_the_database(self, site, edge):
        site.end("redis", signal.SIGKILL)
        assert edge.post(b"1", id="redis-killed").status_code == 202
        assert job_id("example", "redis-killed") in outbox(site)
        assert edge.post(b"2", id="redis-still-killed").status_code == 202
        site.start("redis")
        assert stored(site, "redis-killed", 60) == "1"
        assert stored(site, "redis-still-killed", 60) == "2"
        until(lambda: not outbox(site), "an empty outbox")

    def test_redis_hangs_and_nobody_waits_long_nor_is_a_job_run_twice(self, site, edge, jobs):
        edge.post()  # so that a connection is there, on which the push will be sent
        before = int(jobs.hget("stat:processed", "total") or 0)
        pid = site.processes["redis"].pid
        os.killpg(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            first = edge.post(b"1", id="redis-hung")
            took = time.monotonic() - began
            second = edge.post(b"2", id="redis-still-hung")
            assert job_id("example", "redis-hung") in outbox(site)
        finally:
            os.killpg(pid, signal.SIGCONT)
        assert (first.status_code, second.status_code) == (202, 202)
        assert took < 10
        stored(site, "redis-hung", 60)
        stored(site, "redis-still-hung", 60)
        until(lambda: not outbox(site), "an empty outbox")
        after = edge.post(b"3", id="redis-goes-on")
        stored(site, "redis-goes-on")
        assert after.status_code == 202
        count = until(lambda: settled(jobs), "the worker to hand in")
        assert count - before in (3, 4)  # four if the first one here was not yet counted

    def test_redis_takes_no_writes(self, site, edge, jobs):
        jobs.config_set("maxmemory", "1")
        try:
            assert edge.post(b"1", id="redis-full").status_code == 202
            assert job_id("example", "redis-full") in outbox(site)
        finally:
            jobs.config_set("maxmemory", "0")

    def test_redis_has_forgotten_the_script(self, site, edge, jobs, no_worker):
        jobs.script_flush()
        site.end("web")
        assert edge.post(b"1", id="no-script").status_code == 202

    def test_web_is_killed(self, site, edge):
        site.end("web", signal.SIGKILL)
        assert edge.post(b"1", id="web-killed").status_code == 202
        assert stored(site, "web-killed") == "1"
        page = client.get(edge.url)
        assert (page.status_code, page.headers["retry-after"]) == (503, "5")

    def test_both_are_killed_and_the_sender_is_told_to_come_again(self, site, edge):
        site.end("web", signal.SIGKILL)
        site.end("redis", signal.SIGKILL)
        answer = edge.post(b"1", id="both-killed")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json() == {"error": "nothing here can take messages for now"}
        site.start("redis", "web")
        assert edge.post(b"1", id="both-killed").status_code == 202
        assert stored(site, "both-killed", 60) == "1"

    def test_what_was_accepted_is_stored_when_each_is_killed_in_turn(self, site, edge):
        accepted, enough = [], threading.Event()

        def send():
            number = 0
            while not enough.wait(0.005):
                number += 1
                if edge.post(b"x", id=f"turn-{number}").status_code == 202:
                    accepted.append(f"turn-{number}")

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for name in ("redis", "web", "redis"):
                site.end(name, signal.SIGKILL)
                so_far = len(accepted)
                until(lambda so_far=so_far: len(accepted) > so_far + 20, "more of them")
                site.start(name)
        finally:
            enough.set()
            sender.join()
        until(lambda: set(accepted) <= deliveries(site).keys(), "all that was accepted", 60)

    @pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGTERM])
    def test_what_was_accepted_is_stored_when_the_edge_is_stopped(self, site, number):
        """Who gets no answer comes again: the kernel resets what has connected and was not accepted yet."""
        edge, accepted = Nginx(site), []

        def send(sender):
            for count in itertools.count():
                id = f"{number.name}-{sender}-{count}"
                try:
                    answer = edge.post(b"x", id=id)
                except httpx.TransportError:
                    return
                if answer.status_code == 202:
                    accepted.append(id)

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
        for sender in senders:
            sender.start()
        until(lambda: len(accepted) > 200, "messages")
        edge.process.send_signal(number)
        assert edge.process.wait(30) == 0
        for sender in senders:
            sender.join()
        until(lambda: set(accepted) <= deliveries(site).keys(), "all that was accepted", 60)


def settled(jobs):
    """How many attempts there were, once no job is held."""
    ledger = {name.decode(): int(count) for name, count in jobs.hgetall("stat:ledger").items()}
    return ledger["fetched"] == ledger["done"] and int(jobs.hget("stat:processed", "total"))


def test_a_stock_celery_worker_runs_what_the_edge_enqueues(site, edge, no_worker):
    ours = site.environment
    site.environment = ours | {"WORKER_ENGINE": "celery"}
    try:
        site.start("worker")
        assert edge.post(b'{"by": "stock"}', id="by-stock").status_code == 202
        assert stored(site, "by-stock") == '{"by": "stock"}'
    finally:
        site.environment = ours
        site.end("worker")


class TestAddresses:
    @pytest.fixture
    def server(self, tmp_path):
        server = Redis(tmp_path / "redis", "--requirepass", "p@ss:/word")
        yield server
        server.stop()

    def url(self, scheme, port, options=""):
        return f"{scheme}://:p%40ss%3A%2Fword@127.0.0.1:{port}/3{options}"

    def pushed(self, site, server, **environment):
        """The status of a message that only that server can take, and whether it has it."""
        edge = Nginx(site, EDGE_WEB="127.0.0.1:1", **environment)
        try:
            status = edge.post().status_code
        finally:
            edge.stop()
        with redis.Redis(port=server.port, db=3, password="p@ss:/word") as jobs:
            return status, jobs.llen("default")

    def test_a_password_and_a_number_of_a_database(self, site, server):
        assert self.pushed(site, server, REDIS_URL=self.url("redis", server.port)) == (202, 1)

    def test_another_variable(self, site, server):
        environment = {"REDIS_PROVIDER": "MY_REDIS", "MY_REDIS": self.url("redis", server.port)}
        assert self.pushed(site, server, **environment) == (202, 1)

    def test_a_wrong_password(self, site, server):
        url = self.url("redis", server.port).replace("word", "wrong")
        assert self.pushed(site, server, REDIS_URL=url) == (503, 0)

    def test_tls_with_a_certificate_that_nobody_signed(self, site, server, tmp_path):
        tls = Terminator(tmp_path, server.port)
        port = tls.listener.getsockname()[1]
        assert self.pushed(site, server, REDIS_URL=self.url("rediss", port)) == (202, 1)
        asked = self.url("rediss", port, "?ssl_cert_reqs=required")
        assert self.pushed(site, server, REDIS_URL=asked) == (503, 1)
        tls.stop()


WRONG = {
    "REDIS_URL": ["localhost", "http://x", "redis://", "redis://h:p", "redis://h:99999", "redis://h/x",
                  "rediss://h?ssl_ca_certs=/a", "redis://:hush@h o"],
    "HOOK_EXAMPLE_SECRET": ["hush", "whsec_hush", "whsec_" + "A" * 100],
    "HOOK_RATE": ["0", "-1", "many"],
    "EDGE_PROCESSES": ["x"],
    "EDGE_WEB": ["web", "web:", ":80", "http://web:80", "web:80;x"],
    "EDGE_TRUST_PROXY": ["perhaps"],
    "LOG_FORMAT": ["xml"],
    "PORT": ["x"],
    "REDIS_PROVIDER": ["NONE_SUCH"],
}  # fmt: skip


@pytest.mark.parametrize("name, value", [(name, value) for name, values in WRONG.items() for value in values])
def test_with_a_wrong_value_it_does_not_start_and_says_why(site, edge, name, value):
    environment = edge.environment | {name: value}
    run = subprocess.run(
        [site.folder / "infra/edge/start"], env=environment, capture_output=True, text=True, timeout=30
    )
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert name in line
    assert "hush" not in line
    assert "use " in line or "set " in line


def test_static_files_are_kept_and_served_without_web(site, edge):
    styles = client.get(edge.url).text.split('rel="stylesheet" href="')[1].split('"')[0]
    first = client.get(edge.url + styles, headers={"Accept-Encoding": "br"})
    site.end("web")
    kept = client.get(edge.url + styles, headers={"Accept-Encoding": "br"})
    assert (kept.status_code, kept.headers["content-encoding"]) == (200, "br")
    assert "immutable" in kept.headers["cache-control"]
    assert kept.content == first.content


def test_a_photo_may_be_as_large_as_web_has_it(edge):
    takes = settings.PHOTO_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    conf = (edge.stack.folder / "infra/edge/nginx.conf").read_text()
    assert f"client_max_body_size {takes // 1024}k;" in conf
    hooks = (edge.stack.folder / "infra/edge/routes/hooks.conf").read_text()
    assert f"client_max_body_size {views.MOST // 1024}k;" in hooks
    assert client.post(edge.url, content=bytes(takes + 1)).status_code == 413


class Echo(BaseHTTPRequestHandler):
    """Tells with which headers it was asked."""

    def do_GET(self):
        content = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("trust, address, scheme", [("0", "127.0.0.1", "http"), ("1", "192.0.2.2", "https")])
def test_web_hears_who_the_visitor_is_and_not_what_they_claim(site, trust, address, scheme):
    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    edge = Nginx(site, EDGE_WEB=f"127.0.0.1:{server.server_port}", EDGE_TRUST_PROXY=trust)
    claims = {"X-Forwarded-For": "198.51.100.1, 192.0.2.2", "X-Forwarded-Proto": "https", "X-Request-ID": "a b"}
    try:
        heard = client.get(edge.url, headers=claims | {"Host": "photos.example.com"}).json()
    finally:
        edge.stop()
        server.shutdown()
        server.server_close()
    assert (heard["x-forwarded-for"], heard["x-forwarded-proto"]) == (address, scheme)
    assert heard["host"] == "photos.example.com"
    assert len(heard["x-request-id"]) == 32


def test_a_line_in_the_log_for_each_message_and_none_for_pages(site, edge):
    client.get(f"{edge.url}/accounts/login/?next=secret")
    answer = edge.post(id="in-the-log")
    told = until(
        lambda: [line for line in edge.log.read_text().splitlines() if answer.json()["id"] in line], "the line"
    )
    assert told[0].startswith("POST /hooks/example status=202 elapsed=")
    assert "secret" not in edge.log.read_text()


def test_the_smoke_tests_pass(site, edge):
    code, output = smoke(edge.url, SMOKE_HOOK_SECRET=WRITTEN)
    assert code == 0, output
