"""Tasks for the tests of the backends."""

import threading

from celery import shared_task
from django.core.mail import send_mail
from django.tasks import task

ran = []
event = threading.Event()


@task
def note(word, times=1):
    ran.append((word, times))
    event.set()


@task(queue_name="mailers", takes_context=True)
def note_context(context, word):
    ran.append((context.task_result.id, context.attempt, word))


@task(retries=2)
def fail(word):
    ran.append(word)
    raise ValueError(word)


@task
def mail_two():
    for number in (1, 2):
        send_mail(f"mail {number}", "text", None, ["a@example.com"])


@shared_task
def shared_note(word):
    ran.append(word)
