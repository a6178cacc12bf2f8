"""The page of a job, in every state, with its mail."""

import pytest

from web.letters.models import Letter
from worker import api, dead, job, keys
from worker.mail import PRIVATE_HEADER

SECRET = "https://example.com/set-password/abc"


@pytest.fixture
def mail(push, known):
    """Put a mail into the queue of mails: its job's id."""

    def mail(private="0", html="<h1>Hello</h1><script>alert(1)</script>", **fields):
        message = {
            "subject": "Bob liked your photo", "body": f"Look: {SECRET}", "from_email": "a@example.com",
            "to": ["alice@example.com"], "cc": [], "bcc": ["bcc@example.com"], "reply_to": [], "subtype": "plain",
            "encoding": None, "headers": {PRIVATE_HEADER: private}, "attachments": [],
            "alternatives": [{"content": f"{html}{SECRET}", "mimetype": "text/html", "bytes": False}],
        } | fields  # fmt: skip
        return push("worker.mail.deliver", message, queue="mailers")

    return mail


@pytest.mark.parametrize("state", ["waiting", "scheduled", "running", "retrying", "dead", "done"])
def test_a_job_is_found_in_every_state(look, push, fail, worker, state):
    if state in ("retrying", "dead"):
        (id,) = fail({"retrying": "retry"}.get(state, state), error="KeyError", message="no such name")
    else:
        id = push("tasks.count", 7, seconds=60 if state == "scheduled" else None)
    if state in ("running", "done"):
        (held,) = worker.fetch(1)
    if state == "done":
        worker.finish(held)
        entry = f'{{"id": "{id}", "task": "tasks.count", "queue": "default", "finished": 1e9, "elapsed": 2.5}}'
        worker.process.client.lpush(keys.RECENT, entry)
    page = look(f"job/{id}/")
    assert f'data-testid="state">{state}</b>' in page and id in page
    assert ("no such name" in page) == ("Backtrace" in page) == (state in ("retrying", "dead"))
    assert state != "done" or "2.5 s" in page


def test_failures_before_the_last_are_told(look, push, worker, redis):
    id = push("tasks.count", 7)
    for attempt in (1, 2):
        (held,) = worker.fetch(1)
        record = dead.record("KeyError", f"no <b>{attempt}</b>", attempt, f"Traceback {attempt}", held.attempts)
        names = [worker.process.inflight, keys.DEAD, keys.ATTEMPTS, keys.PROCESSED, keys.FAILED, keys.LEDGER]
        assert worker.process.scripts.fail(names, [held.tag, id, 0, record])
        worker.process.moved(held)
        if attempt == 1:
            assert api.dead.run_all_now() == 1
    page = look(f"job/{id}/")
    assert "no &lt;b&gt;1&lt;/b&gt;" in page and "no &lt;b&gt;2&lt;/b&gt;" in page
    assert "Traceback 1" in page and "Traceback 2" in page
    redis.hset(keys.ATTEMPTS, id, '{"attempt": 2, "earlier": [7, {"error": 1, "failed_at": "y"}], "error": "E"}')
    assert "KeyError" not in look(f"job/{id}/")


def test_it_tells_who_enqueued_it(look, push, browser, alice):
    class Somebody:
        def told(self):
            return {"request": "r-12", "user": "ali<c>e\ud800"}

    token = job.origin.set(Somebody())
    id = push("tasks.count", 7)
    job.origin.reset(token)
    page = look(f"job/{id}/")
    assert "Enqueued by" in page and "ali&lt;c&gt;e?" in page and "r-12" in page
    token = job.current.set(job.Running("tasks.outer", id, "default"))
    inner = push("tasks.count", 8)
    job.current.reset(token)
    assert f'href="/jobs/job/{id}/"' in look(f"job/{inner}/")
    assert "Enqueued by" not in look(f"job/{push()}/")


def test_its_place_finds_it_without_a_search_and_tells_what_is_before_it(look, push):
    ids = [push("tasks.count", number) for number in range(5)]
    assert "3 jobs are before it" in look(f"job/{ids[3]}/?in=default&at=-4")
    assert "3 jobs are before it" in look(f"job/{ids[3]}/?in=nonsense&at=x")


def test_a_job_that_is_gone_is_said(look):
    assert "This job is not here any more" in look("job/unknown/", status=404)


def test_headers_say_who_enqueued_it_and_hide_secrets(look, redis):
    from worker import message

    content = message.encoded("1", "tasks.count", [], {}, "default").replace(
        b'"lang"', b'"request_id": "r-77", "x_token": "hunter2", "argsrepr": "hunter2", "kwargsrepr": "hunter2", "lang"'
    )
    redis.lpush("default", content.replace(b'"argsrepr": "", ', b"").replace(b'"kwargsrepr": "", ', b""))
    page = look("job/1/")
    assert "r-77" in page and "hunter2" not in page


@pytest.mark.parametrize("key, actions", [
    ("default", ["delete"]), ("schedule", ["run", "kill", "delete"]), ("retry", ["run", "kill", "delete"]),
    ("dead", ["run", "delete"]),
])  # fmt: skip
def test_an_operator_does_what_its_state_allows(browser, may, push, fail, key, actions):
    id = fail(key)[0] if key in ("retry", "dead") else push(seconds=60 if key == "schedule" else None)
    operator = browser(may("operate"))
    page = operator.get(f"/jobs/job/{id}/").text
    assert [name for name in ("run", "kill", "delete") if f'formaction="/jobs/{name}/"' in page] == actions
    job = api.find(id)
    answer = operator.post(
        "/jobs/delete/", {"place": key, "picked": f"{job.place.at!r}|{id}", "next": f"/jobs/job/{id}/"}
    )
    assert answer["Location"] == f"/jobs/job/{id}/"
    with pytest.raises(api.NotFound):
        api.find(id)


def test_a_mail_is_shown_to_those_who_may_read_it(browser, may, mail):
    id = mail()
    reader = browser(may("view_mail"))
    page = reader.get(f"/jobs/job/{id}/").text
    assert "Bob liked your photo" in page and "alice@example.com, bcc@example.com" in page and SECRET in page
    body = reader.get(f"/jobs/job/{id}/mail")
    assert "<h1>Hello</h1>" in body.text
    assert "sandbox" in body["Content-Security-Policy"] and "default-src 'none'" in body["Content-Security-Policy"]


def test_others_see_to_whom_it_goes_and_not_what_it_says(browser, may, mail):
    id = mail()
    visitor = browser(may("view", "operate"))
    page = visitor.get(f"/jobs/job/{id}/").text
    assert "Bob liked your photo" in page and "alice@example.com" in page
    assert SECRET not in page and "is for those who may read mails" in page
    assert visitor.get(f"/jobs/job/{id}/mail").status_code == 404


@pytest.mark.parametrize("odd", [{"private": "1"}, {"headers": {PRIVATE_HEADER.lower(): "1"}}, {"headers": None}])
def test_a_private_mail_is_shown_to_nobody(browser, may, mail, person, odd):
    id = mail(**odd)
    for reader in (may("view_mail", "operate"), person("root", is_staff=True, is_superuser=True)):
        visitor = browser(reader)
        for path in (f"job/{id}/", "queues/mailers/", f"job/{id}/?in=mailers&at=-1", "queues/mailers/?q=set-password"):
            assert SECRET not in visitor.get(f"/jobs/{path}").text
        assert visitor.get(f"/jobs/job/{id}/mail").status_code == 404


@pytest.mark.parametrize("fields", [
    {"subject": None, "to": None}, {"alternatives": "x"}, {"alternatives": [{"content": "x"}]}, {"to": "alice"},
    {"attachments": None, "alternatives": None},
])  # fmt: skip
def test_a_mail_that_is_odd_breaks_no_page(browser, may, mail, push, fields):
    id = mail(**fields)
    other = push("worker.mail.deliver", 7, queue="mailers")
    reader = browser(may("view_mail"))
    for path in (f"job/{id}/", f"job/{other}/", "queues/mailers/"):
        assert reader.get(f"/jobs/{path}").status_code == 200


def test_a_mail_that_was_sent_tells_to_whom_and_links_its_letter(look, mail, redis, worker):
    id = mail()
    (held,) = worker.fetch(1)
    worker.finish(held)
    redis.lpush(keys.RECENT, f'{{"id": "{id}", "task": "worker.mail.deliver", "queue": "mailers", "finished": 1e9}}')
    redis.set(keys.done(f"{id}.1"), '{"mailed": ["alice@example.com"], "answer": "250 OK queued as 4711"}')
    letter = Letter.objects.create(message_id=f"<{id}@localhost>", sender="a", recipients="b", subject="c", raw=b"")
    page = look(f"job/{id}/")
    assert "alice@example.com" in page and f'href="/letters/{letter.pk}/"' in page
    assert "250 OK queued as 4711" in page


def test_a_raw_message_is_never_on_the_page(look, redis):
    redis.zadd(keys.DEAD, {b'default\n{"id": "x", "body": "hunter2"': 5})
    page = look("job/x/")
    assert "A job that cannot be read" in page and "hunter2" not in page
    assert b"hunter2" in api.find("x").raw
