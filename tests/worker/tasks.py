"""Tasks for the tests of the backends."""

import contextlib
import json
import threading
import time

from celery import shared_task
from django.core.mail import send_mail
from django.db import connection
from django.tasks import task

from worker.connection import connect
from worker.job import Hopeless

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


# For workers in processes of their own: what jobs say to the test, and what they wait for.


def say(word):
    connect().rpush("test:said", word)


def wait_for(word):
    """Until the test pushes to this list."""
    connect(timeout=60).blpop(f"test:{word}", 60)


@shared_task
def echo(word):
    say(word)


@shared_task(bind=True)
def keep(self, *args, **kwargs):
    """Says what it was called with, and when, by the clock of Redis."""
    seconds, microseconds = connect().time()
    told = {"id": self.request.id, "args": args, "kwargs": kwargs, "at": seconds + microseconds / 1_000_000}
    say(json.dumps(told, default=repr))


@task(takes_context=True)
def keep_django(context, *args, **kwargs):
    say(json.dumps({"id": context.task_result.id, "args": args, "kwargs": kwargs}))


@shared_task
def borrow(word):
    """Says which connection to the database the job before left to this one."""
    say(f"{word} found {connection.connection}")
    connection.ensure_connection()


@shared_task
def hold(word):
    say(f"{word} holds")
    wait_for(word)
    say(f"{word} ended")


@shared_task
def spin(word):
    """Cannot be held up by an `except Exception`, and cleans up."""
    say(f"{word} spins")
    try:
        while True:
            with contextlib.suppress(Exception):
                len(word)
    finally:
        say(f"{word} cleaned up")


@shared_task(soft_time_limit=0.5)
def spin_shortly(word):
    spin.run(word)


@shared_task(time_limit=1)
def overrun(word, seconds):
    say(f"{word} overruns")
    time.sleep(seconds)
    say(f"{word} came through")


@shared_task(time_limit=2)
def fail_later(word, seconds):
    say(f"{word} starts")
    time.sleep(seconds)
    raise ValueError(word)


@shared_task
def take(word, seconds):
    say(f"{word} starts")
    time.sleep(seconds)
    say(f"{word} ended")


@task(keep_result=60, retries=1)
def answer(word):
    """Says what it was asked, when the test lets it; fails on "no"."""
    say(f"{word} asked")
    wait_for(word)
    if word == "no":
        raise ValueError("no answer")
    return {"answer": [word]}


@task(keep_result=60)
def spin_for_a_result():
    spin.run("result")


@task(retries=0, on_exhausted="discard")
def discard(word):
    raise ValueError(word)


@shared_task(max_retries=5)
def despair(word):
    raise Hopeless(word)


@shared_task(max_retries=0)
def fail_at_once(word):
    raise ValueError(word)


@shared_task(bind=True, max_retries=1)
def fail_twice(self):
    say(f"{self.request.id} {self.request.retries}")
    raise ValueError


class Unspeakable(Exception):
    def __str__(self):
        raise TypeError("there is no text")


@shared_task
def fail_unspeakably():
    raise Unspeakable


@shared_task(ignore_result=False)
def add(*numbers):
    return sum(numbers)


@shared_task(bind=True, ignore_result=False)
def add_when_asked_again(self, *numbers):
    if not self.request.retries:
        raise ValueError("the first attempt")
    return sum(numbers)


@shared_task
def total(numbers):
    say(f"total {sum(numbers)}")


@shared_task
def total_of_one(number):
    say(f"total {number}")


@shared_task
def say_error(request, error, traceback):
    say("chord failed")
