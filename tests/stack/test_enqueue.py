"""`jobs.enqueue` in Lua, by a route of its own, into a Redis of which no worker knows."""

import json
import signal
import time

import pytest
import redis

from tests.servers import Redis, Stack
from tests.stack.nginx import Nginx, is_here
from worker import message


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    is_here()
    server = Redis(tmp_path_factory.mktemp("enqueue") / "redis")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def edge(server, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("enqueue") / "stack", REDIS_URL=server.url)
    edge = Nginx(stack, EDGE_WEB="127.0.0.1:1")
    yield edge
    edge.stop()


@pytest.fixture
def jobs(server):
    with redis.from_url(server.url) as jobs:
        yield jobs
        jobs.flushdb()


@pytest.fixture
def waiting(jobs):
    """The messages in a queue."""
    return lambda queue="default": jobs.lrange(queue, 0, -1)


def test_the_message_is_byte_for_byte_that_of_the_client(edge, waiting):
    id = edge.enqueue('"web.app.tasks.work", {"bob", 5, {}, true}, {queue = "mailers"}').text.strip()
    (found,) = waiting("mailers")
    ours = message.encoded(id, "web.app.tasks.work", ["bob", 5, [], True], {}, "mailers")
    at = json.loads(found)["headers"]["enqueued_at"]
    assert abs(at - time.time()) < 30
    expected = ours.replace(str(json.loads(ours)["headers"]["enqueued_at"]).encode(), f"{at:.3f}".encode())
    assert found == expected


def test_no_arguments_are_an_empty_list(edge, waiting):
    edge.enqueue('"work", {}')
    _, _, args, kwargs, _ = message.decoded(waiting()[0])
    assert (args, kwargs) == ([], {})


def test_ids_are_not_to_be_guessed(edge, waiting):
    ids = [edge.enqueue('"work", {}').text.strip() for _ in range(20)]
    assert len({id[:8] for id in ids}) == 20
    assert {id[14] for id in ids} == {"4"}
    assert [message.id_of(found) for found in waiting()] == ids[::-1]


VALUES = {
    "{2^53, -2^53, 0, 1.5, 1e-300, 0.1}": [2**53, -(2**53), 0, 1.5, 1e-300, 0.1],
    '{"Grüße \\0 / \\"", ""}': ['Grüße \0 / "', ""],
    '{require("json").null, false}': [None, False],
    '{require("json").object(), {a = {{}}}}': [{}, {"a": [[]]}],
}


@pytest.mark.parametrize("lua", VALUES)
def test_arguments_arrive_as_they_were(edge, waiting, lua):
    assert edge.enqueue(f'"work", {lua}').status_code == 202
    assert message.decoded(waiting()[0])[2] == VALUES[lua]


WRONG = {
    '"work", {0/0}': "is no number in JSON",
    '"work", {1/0}': "is no number in JSON",
    '"work", {2^53 + 2}': "may have lost digits",
    '"work", {print}': "a function has no form in JSON",
    '"work", {1, 2, a = 3}': "has the key 1 beside others",
    '"work", {"\\255"}': "is not UTF-8",
    '"work", (function() local t = {} t[1] = t return t end)()': "more than 100 deep",
    '"work", "bob"': "the arguments are no table",
    '"work", {a = 1}': "the arguments are no list",
    '"wo\\"rk", {}': "the task is",
    "nil, {}": "the task is nil",
    '"work", {}, {queue = "a\\nb"}': "the queue is",
    '"work", {}, {in_seconds = "soon"}': "in_seconds is soon: use seconds",
    '"work", {}, {in_seconds = 0/0}': "in_seconds is",
    '"work", {}, {at = -1}': "at is -1",
    '"work", {}, {at = 1, in_seconds = 1}': "use one",
}


@pytest.mark.parametrize("lua", WRONG)
def test_what_cannot_be_is_refused_with_a_reason(edge, waiting, lua):
    answer = edge.enqueue(lua)
    assert answer.status_code == 400
    assert WRONG[lua] in answer.text
    assert waiting() == []


def test_later(edge, jobs, waiting):
    edge.enqueue('"work", {1}, {in_seconds = 300.5, queue = "mailers"}')
    edge.enqueue('"work", {2}, {at = 4000000000.25}')
    (first, soon), (second, late) = jobs.zrange("schedule", 0, -1, withscores=True)
    seconds, _ = jobs.time()
    assert abs(soon - seconds - 300.5) < 5
    assert late == 4000000000.25
    assert first.startswith(b"mailers\n")
    assert second.startswith(b"default\n")
    assert json.loads(second.partition(b"\n")[2])["headers"]["eta"] == "2096-10-02T07:06:40.250000+00:00"


def test_redis_is_away(server, edge):
    server.stop(signal.SIGKILL)
    assert edge.enqueue('"work", {}').status_code == 503
