from datetime import timedelta

import pytest
from django.utils import timezone

from tests.web.races import at_once
from web.hooks.handlers import handlers, handles
from web.hooks.models import Delivery
from web.hooks.tasks import KEPT, forget, receive


@pytest.fixture
def handled():
    """What a handler was called with, of hook "test"."""
    calls = []
    handles("test")(lambda delivery: calls.append(delivery.content))
    yield calls
    del handlers["test"]


@pytest.mark.django_db
def test_a_message_is_stored_and_handled_once(handled):
    receive.call("test", "1", '{"a": 9007199254740993}')
    receive.call("test", "1", '{"a": 9007199254740993}')
    receive.call("other", "1", "{}")

    assert handled == [{"a": 9007199254740993}]
    assert Delivery.objects.count() == 2


@pytest.mark.django_db
def test_what_cannot_be_handled_is_not_stored_so_that_it_is_tried_again(handled):
    with pytest.raises(ValueError):
        receive.call("test", "1", "no JSON")

    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_stored_and_handled(handled):
    at_once(*[lambda: receive.call("test", "1", "{}")] * 8)

    assert handled == [{}]
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
def test_what_is_old_is_forgotten():
    receive.call("test", "old", "{}")
    Delivery.objects.update(received_at=timezone.now() - KEPT - timedelta(days=1))
    receive.call("test", "new", "{}")

    forget.call()

    assert Delivery.objects.get().message_id == "new"
