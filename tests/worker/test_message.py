"""What is pushed here is understood by Celery as it comes, and what Celery pushes is understood here."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from kombu import Connection, Consumer, Queue

from tests.servers import until
from worker import client, config, keys, message
from worker.connection import Scripts

pytestmark = pytest.mark.usefixtures("no_outbox")

ODD = [
    'quotes " and \\ backslashes',
    "Grüße, 你好, 🚀, \u2028",
    '{"id": "not-the-job"}',
    '"id": "not-the-job"',
    [],
    {},
    [[], {"a": [{}]}],
    None,
    True,
    -1.5e300,
    2**80,
    "",
    "\n\0",
]


@pytest.fixture
def stock():
    """An app on what Celery brings along, which has kept what its job was called with."""
    app = Celery("stock", broker=config.REDIS_URL, set_as_current=False)
    app.conf.update(task_default_queue="default", worker_enable_remote_control=False, task_ignore_result=True)
    app.called = []

    @app.task(name='odd "tasks".keep', bind=True)
    def keep(self, *args, **kwargs):
        app.called.append((self.request.id, self.request.retries, list(args), kwargs))

    app.finalize()
    return app


class TestEncoded:
    def test_a_stock_celery_worker_runs_it(self, redis, stock):
        id = client.push('odd "tasks".keep', ODD, {"odd": ODD, "größe": 1})
        with start_worker(stock, pool="solo", perform_ping_check=False, shutdown_timeout=20):
            until(lambda: stock.called, "the job", 20)
        assert stock.called == [(id, 0, ODD, {"odd": ODD, "größe": 1})]

    def test_a_stock_kombu_consumer_reads_what_celery_itself_would_have_sent(self, redis, stock):
        id = client.push("tasks.add", [1, "zwei"], {"c": 3})
        stock.send_task("tasks.add", [1, "zwei"], {"c": 3}, task_id=id, queue="default", ignore_result=True)
        ours, celerys = consumed(2)
        assert ours.payload == celerys.payload
        assert ours.content_type == celerys.content_type
        assert ours.content_encoding == celerys.content_encoding
        described = {"argsrepr", "kwargsrepr", "origin", "enqueued_at"}  # for people, and a time that is ours
        optional = {"shadow", "stamps", "stamped_headers", "replaced_task_nesting", "group_index"}
        for name in celerys.headers.keys() - described - optional:
            assert ours.headers[name] == celerys.headers[name], name
        for name in ("correlation_id", "delivery_mode", "priority"):
            assert ours.properties[name] == celerys.properties[name], name
        assert all(celerys.headers[name] in (None, 0, {}) for name in optional & celerys.headers.keys())

    def test_says_when_it_was_enqueued(self):
        headers, *_ = message.decoded(client.message("tasks.add")[1])
        assert abs(headers["enqueued_at"] - datetime.now(UTC).timestamp()) < 60

    @pytest.mark.parametrize("name", ["100%", "%s", "%(x)s", "value %s", "gap %s", "gap", "\0", 'a "b"'])
    def test_holds_any_name(self, name):
        headers, properties, *_ = message.decoded(message.encoded("the-id", name, [], {}, name))
        assert (headers["task"], properties["delivery_info"]["routing_key"]) == (name, name)
        assert {headers["id"], headers["root_id"], properties["correlation_id"]} == {"the-id"}

    @pytest.mark.parametrize("queue", ["default", "größer", 'odd "queue"'])
    def test_names_its_queue(self, redis, queue):
        client.push("tasks.add", queue=queue)
        (read,) = consumed(1, queue)
        assert read.delivery_info["routing_key"] == queue


def test_ids_are_random_uuids():
    ids = message.new_ids(1000)
    assert len(set(ids)) == 1000
    assert [str(UUID(id)) for id in ids] == ids
    assert {UUID(id).version for id in ids} == {4}


def consumed(count, queue="default"):
    """Messages as a consumer of kombu's own transport gets them."""
    found = []
    with Connection(config.REDIS_URL) as connection:
        consumer = Consumer(connection, [Queue(queue)], on_message=found.append, accept=["json"])
        with consumer:
            until(lambda: connection.drain_events(timeout=5) or len(found) == count, "messages")
        for each in found:
            each.ack()
    return found


class TestDecoded:
    def test_is_what_was_encoded(self):
        id, content = client.message("tasks.add", ODD, {"odd": ODD}, queue="mailers")
        headers, _, args, kwargs, embedded = message.decoded(content)
        assert (headers["id"], headers["task"], args, kwargs) == (id, "tasks.add", ODD, {"odd": ODD})
        assert not any(embedded.values())

    def test_reads_what_celery_sends(self, redis, stock):
        callback = stock.signature("tasks.note")
        sent = stock.send_task("tasks.add", ODD, {"odd": ODD}, link=callback, expires=60, time_limit=5)
        headers, _, args, kwargs, embedded = message.decoded(redis.rpop("default"))
        assert (headers["id"], args, kwargs) == (sent.id, ODD, {"odd": ODD})
        assert headers["timelimit"] == [5, None]
        assert embedded["callbacks"][0]["task"] == "tasks.note"
        assert not message.expired(headers)

    @pytest.mark.parametrize("content", [b"", b"no message", b"\xff\xfe", b"null", b"[]", b"{}", b"1", b'"text"'])
    def test_of_something_else_is_an_error_that_says_so(self, content):
        with pytest.raises(message.Unreadable, match="not a message of Celery's protocol, version 2"):
            message.decoded(content)

    @pytest.mark.parametrize("depth", [1000, 100_000])
    def test_of_something_very_deep_is_an_error_that_says_so(self, depth):
        with pytest.raises(message.Unreadable):
            message.decoded(b"[" * depth + b"]" * depth)

    def test_of_something_broken_is_an_error_that_says_so(self):
        """Whatever part of a message is replaced by something else, or is missing: it is read, or Unreadable."""
        outcomes = {"read": 0, "unreadable": 0}
        for content in broken():
            try:
                headers, _, args, kwargs, embedded = message.decoded(content)
            except message.Unreadable:
                outcomes["unreadable"] += 1
            else:
                outcomes["read"] += 1
                assert isinstance(headers["id"], str), content
                assert isinstance(headers["task"], str), content
                assert isinstance(args, list) and isinstance(kwargs, dict) and isinstance(embedded, dict), content
        assert all(outcomes.values())


WRONG = [None, True, 0, -1, 1.5, "x", [], ["x"], {}, {"x": 1}]


def broken(task="tasks.add"):
    """A message, with each of its parts replaced by each of what it must not be, or left out."""
    whole = json.loads(client.message(task, [1])[1])
    for path in [(name,) for name in whole] + [
        (part, name) for part in ("headers", "properties") for name in (*whole[part], "body_encoding")
    ]:
        for wrong in (*WRONG, ...):
            yield json.dumps(changed(whole, path, wrong)).encode()
    for body in (b"[]", b"[[1], {}]", b"{}", b"\xff", b"[" * 100_000, b"[1, 2, 3]", b'["ab", {}, {}]', b"[[], [], []]"):
        yield json.dumps(whole | {"body": b64encode(body).decode()}).encode()
    for position in range(3):
        for wrong in WRONG:
            parts = [[1], {}, {}]
            parts[position] = wrong
            yield json.dumps(whole | {"body": b64encode(json.dumps(parts).encode()).decode()}).encode()
    for name in (
        "expires",
        "eta",
        "timelimit",
        "retries",
        "group",
        "parent_id",
        "stamps",
        "stamped_headers",
        "reply_to",
    ):
        for wrong in WRONG:
            yield json.dumps(changed(whole, ("headers", name), wrong)).encode()


def changed(whole, path, wrong):
    copy = json.loads(json.dumps(whole))
    *above, name = path
    place = copy[above[0]] if above else copy
    if wrong is ...:
        place.pop(name, None)
    else:
        place[name] = wrong
    return copy


def test_what_a_worker_cannot_read_is_dead_and_never_lost(staff):
    """Each of hundreds of broken messages is run, tried again or dead; none stays with the worker, or ends a thread."""
    staff.start(4)
    contents = [*broken("tests.worker.tasks.echo"), b"no message", b"no message"]
    staff.redis.lpush("default", *contents)
    staff.push("echo", "the last")
    staff.hear("the last")
    whole = {staff.push("hold", word) for word in "abcd"}
    for word in "abcd":
        staff.hear(f"{word} holds")
    assert set(staff.held()) == whole
    fetched = len(contents) + 1 + len(whole)
    assert staff.ledger("fetched") == fetched
    over = sum(staff.ledger(outcome) for outcome in ("done", "expired", "discarded", "deleted"))
    assert over + len(staff.held()) + staff.redis.zcard(keys.RETRY) + staff.redis.zcard(keys.DEAD) == fetched


class TestExpired:
    @pytest.mark.parametrize("seconds, over", [(-1, True), (60, False)])
    @pytest.mark.parametrize("zone", ["", "Z", "+02:00"])
    def test_reads_every_form_of_the_time(self, seconds, over, zone):
        offset = timedelta(hours=2) if zone == "+02:00" else timedelta()
        at = datetime.now(UTC) + timedelta(seconds=seconds) + offset
        assert message.expired({"expires": at.replace(tzinfo=None).isoformat() + zone}) is over

    def test_is_nothing_that_does_not_expire(self):
        assert not message.expired({})
        assert not message.expired({"expires": None})


class TestPutEarly:
    ETA = "2026-11-25T12:00:00+00:00"

    @pytest.mark.parametrize("eta", [ETA, "2026-11-25T12:00:00", "2026-11-25T13:00:00+01:00", "2026-11-25T12:00:00Z"])
    def test_is_what_has_a_time_and_was_never_in_schedule(self, eta):
        assert message.put_early({"eta": eta}) == datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()

    def test_is_what_a_stock_worker_tries_again(self):
        assert message.put_early({"eta": self.ETA, "retries": 1, "enqueued_at": 1.5})

    def test_is_nothing_that_comes_from_schedule_or_has_no_time(self):
        _, later = client.message("tasks.add", due=datetime.now(UTC).timestamp() + 60)
        headers, *_ = message.decoded(later)
        assert headers["eta"]
        assert message.put_early(headers) is message.put_early({}) is message.put_early({"eta": None}) is None


@pytest.mark.parametrize(
    "content", [client.message("tasks.add", ODD, id="a b é")[1], b"no message", b'{"id":"x"}', b""]
)
def test_the_id_is_that_which_the_scripts_find(redis, content):
    redis.zadd(keys.DEAD, {b"default\n" + content: 1})
    redis.hset(keys.ATTEMPTS, message.id_of(content), "{}")
    Scripts(redis).delete([keys.DEAD, keys.ATTEMPTS, keys.DELIVERIES, keys.LEDGER], [1, b"default\n" + content])
    assert not redis.exists(keys.ATTEMPTS)
