from dataclasses import replace

import pytest

from worker import api, client, message
from worker.mail import deliver


@pytest.fixture(autouse=True)
def known(queue_backend):
    """The task of mails is one of Celery's, as it is where jobs go to Redis."""
    deliver.get_backend().register(deliver)


def test_arguments_have_names_and_secrets_are_hidden(redis):
    client.push("worker.mail.deliver", [{"subject": "Hello", "body": "set-password/hush", "to": ["a@x"]}])
    client.push("tasks.unknown", [7, "x" * 200], {"api_token": "hush", "user": 3})
    mail, other = api.Queue("default").page().jobs
    assert api.arguments(mail) == {"message": "{subject: 'Hello', body: ***, to: ['a@x']}"}
    assert api.arguments(other) == {
        "argument 1": "7", "argument 2": "'" + "x" * 78 + "…", "api_token": "***", "user": "3"
    }  # fmt: skip
    assert api.arguments(replace(other, args=None)) is None


def test_a_search_does_not_find_secrets(redis):
    client.push("worker.mail.deliver", [{"subject": "Hello", "body": "set-password/hush", "to": ["a@x"]}])
    client.push("tasks.unknown", [7], {"api_token": "hush"})
    queue = api.Queue("default")
    assert queue.search("set-password").jobs == queue.search("hush").jobs == []
    assert len(queue.search("hello").jobs) == len(queue.search("A@X").jobs) == len(queue.search("[7]").jobs) == 1


def test_a_search_finds_tags(redis):
    content = message.encoded("1", "tasks.count", [], {}, "default")
    content = content.replace(b'"lang"', b'"tags": ["urgent", 7], "lang"')
    redis.lpush("default", content)
    (found,) = api.Queue("default").search("URGENT").jobs
    assert found.tags == ("urgent",)
