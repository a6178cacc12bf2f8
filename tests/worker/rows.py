"""The rows of the outbox, as those who test it look at them."""

from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from tests.outbox import delete_pushed
from tests.worker import tasks
from worker import outbox
from worker.models import Outbox


def rows():
    """How many are left when those of pushed jobs are deleted, which is to be in a moment."""
    delete_pushed()
    return Outbox.objects.count()


def age(seconds=outbox.AGE + 1):
    """Let the rows have been written so much earlier."""
    Outbox.objects.update(created_at=F("created_at") - timedelta(seconds=seconds))


def commit():
    with transaction.atomic():
        tasks.note.enqueue("a")


def relayed():
    with suppress(Exception):
        return outbox.relay()
