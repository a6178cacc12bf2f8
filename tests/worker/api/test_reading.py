"""Whatever somebody pushed is shown, as far as it can be read."""

import json

import pytest

from worker import api, client, keys

GARBAGE = [
    b"",
    b"no message at all",
    b"\xff\xfe\x00",
    b'"id": "\xff"',
    b"null",
    b"[1, 2]",
    b"{}",
    b'{"headers": null, "body": 5, "properties": []}',
    b'{"headers": {"id": "a", "task": "t"}, "body": "%%%", "properties": {"body_encoding": "base64"}}',
    b'{"headers": {"id": "a", "task": "t"}, "body": "[]", "properties": {}}',
    b'{"headers": {"id": "a", "task": ["t"]}, "body": "[1, 2, 3]", "properties": {}}',
    b'{"headers": {"id": "a", "task": "\\ud800", "enqueued_at": "now"}, "body": "[[], {}, {}]", "properties": {}}',
    b'{"headers": {"id": 5, "task": 5, "enqueued_at": 1e400}, "body": "[[], {}, {}]", "properties": {}}',
    b'{"headers": {"id": "a", "task": "t", "enqueued_at": 1' + b"0" * 400 + b'}, "body": "", "properties": {}}',
    b"[" * 100_000,
]


def test_our_own_message_is_read_whole(redis, push):
    id = push(7)
    (job,) = api.Queue("default").page().jobs
    assert (job.id, job.task, job.args, job.kwargs) == (id, "tasks.count", [7], {})
    assert (job.state, job.queue, job.place) == ("waiting", "default", ("default", -1))
    assert 0 <= redis.time()[0] + 1 - job.enqueued_at < 10
    assert job.raw == job.entry == redis.lindex("default", 0)


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_in_a_queue_is_shown_found_searched_and_deleted(redis, garbage):
    redis.lpush("default", garbage)
    (job,) = api.Queue("default").page().jobs
    assert job.raw == garbage
    assert job.enqueued_at is None and api.queues()[0].latency is None
    assert api.find(job.id).raw == garbage
    assert api.Queue("default").search("nobody has this").jobs == []
    (job.task or "").encode()  # what is shown can be encoded
    assert api.Queue("default").delete([(job.id, job.place.at)]) == 1
    assert api.ledger().stranded == 0


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_that_is_dead_is_shown_and_can_be_run_again(redis, garbage):
    redis.zadd(keys.DEAD, {b"default\n" + garbage: 1000})
    redis.hset(keys.LEDGER, "fetched", 1)
    (job,) = api.dead.page().jobs
    assert (job.raw, job.queue, job.failed_at) == (garbage, "default", 1000)
    assert api.dead.search("nobody has this").jobs == []
    assert api.dead.run_now([(job.id, 1000)]) == 1
    assert redis.lrange("default", 0, -1) == [garbage]
    assert api.ledger().stranded == 0


@pytest.mark.parametrize("record", [b"", b"5", b"no JSON", b'{"attempt": "x", "error": 5, "backtrace": "%"}', b"{}"])
def test_what_is_known_of_a_failure_may_be_garbage_as_well(redis, record):
    id, message = client.message("t")
    redis.zadd(keys.RETRY, {b"default\n" + message: 1000})
    redis.hset(keys.ATTEMPTS, id, record)
    (job,) = api.retries.page().jobs
    assert (job.attempt, job.error, job.backtrace, job.due) == (0, None, "", 1000)


def test_a_failure_is_read_with_its_backtrace(retry):
    (id,) = retry(error="KeyError", message="'x'", attempt=3)
    job = api.retries.find(id)
    assert (job.attempt, job.error, job.message) == (3, "KeyError", "'x'")
    assert job.backtrace.startswith("Traceback (most recent call last)")
    assert job.failed_at and job.due == job.place.at


@pytest.mark.parametrize(
    "marked", [{"__type__": "date", "__value__": "2026-11-25"}, {"__type__": "uuid", "__value__": {"hex": "7" * 32}}]
)
def test_a_message_with_what_only_celerys_json_knows_is_shown_and_found(redis, marked):
    content = json.loads(client.message("tasks.note", [marked], {"deep": [marked]})[1])
    redis.lpush("default", json.dumps(content))
    (job,) = api.Queue("default").page().jobs
    assert list(api.arguments(job).values()) == [repr(job.args[0]), f"[{job.args[0]!r}]"]
    assert api.Queue("default").search(str(job.args[0])).jobs == [job]


def test_a_message_of_another_celery_app_is_read(redis):
    message = {
        "body": json.dumps([[1], {"a": 2}, {}]),
        "headers": {"id": "theirs", "task": "other.task"},
        "properties": {"correlation_id": "theirs"},
    }
    redis.lpush("theirs", json.dumps(message))
    (job,) = api.Queue("theirs").page().jobs
    assert (job.id, job.task, job.args, job.kwargs, job.enqueued_at) == ("theirs", "other.task", [1], {"a": 2}, None)
