"""What `manage.py jobs` does: each function returns a sentence that says what it has done."""

import json
from difflib import get_close_matches

from django.core.management.base import CommandError
from django.tasks import Task
from django.utils.module_loading import import_string

from worker import api
from worker import job as jobs
from worker.api.jobs import counted
from worker.celery import app
from worker.job import State
from worker.management.shows import SETS

MOST = 100_000  # jobs in each place that a search for an id looks at
HELD = {each.state: each for each in SETS.values()}


def retry(id, all=None, **_):
    """Run a job now, or all of a set."""
    if all:
        return f"{counted(SETS[all].run_all_now())} moved from {all} to their queues."
    job = found(id, "retry", State.SCHEDULED, State.RETRYING, State.DEAD)
    moved(HELD[job.state].run_now([(id, job.place.at)]), id)
    return f"Job {id} moved to its queue {job.queue}."


def kill(id, **_):
    job = found(id, "kill", State.SCHEDULED, State.RETRYING)
    moved(HELD[job.state].kill([(id, job.place.at)]), id)
    return f"Job {id} moved to dead."


def delete(id, **_):
    job = found(id, "delete", State.WAITING, State.SCHEDULED, State.RETRYING, State.DEAD)
    place = api.Queue(job.queue) if job.state is State.WAITING else HELD[job.state]
    moved(place.delete([(id, job.place.at)]), id)
    return f"Job {id} deleted."


def found(id, order, *states):
    """The job of this id, if it is in one of the states in which the order makes sense."""
    job = api.find(id, most=MOST, look_at=None)
    if job.state not in states:
        hint = f": use stop-job {id}" if job.state is State.RUNNING else ""
        raise CommandError(f"Job {id} is {job.state}, and {order} is for jobs that are {' or '.join(states)}{hint}.")
    return job


def moved(count, id):
    if not count:
        raise CommandError(f"Job {id} has moved on in this moment: look again.")


def quiet(process, **_):
    return told(api.quiet(process), "take no more jobs")


def stop(process, **_):
    return told(api.stop(process), "stop")


def told(processes, order):
    if not processes:
        raise CommandError("No worker is alive.")
    return f"Told {', '.join(processes)} to {order}: within 5 s."


def stop_job(id, **_):
    return f"Told {api.stop_job(id)} to end job {id}: within 5 s, or when a call into C is over."


def pause(queue, **_):
    known(queue).pause()
    return f"Queue {queue} is paused: no more jobs are taken from it."


def resume(queue, **_):
    known(queue).resume()
    return f"Queue {queue} is open."


def known(queue):
    names = [each.name for each in api.queues(look_at=None)]
    if queue not in names:
        raise CommandError(f"No queue is called {queue!r}: there are {', '.join(names)}.")
    return api.Queue(queue)


def enqueue(task, arguments, **_):
    called, (args, kwargs) = resolved(task), parsed(arguments)
    try:
        if isinstance(called, Task):
            id = called.enqueue(*args, **kwargs).id
        else:
            jobs.check(called.run, args, kwargs)
            id = called.apply_async(args, kwargs).id
    except TypeError as error:
        raise CommandError(f"{task} cannot be called like this: {error}.") from None
    return f"Enqueued {task} as job {id}."


def resolved(path):
    """The task at this dotted path, or that Celery knows by this name."""
    try:
        task = import_string(path)
    except ImportError:
        task = app.tasks.get(path)
    if not isinstance(task, Task) and not hasattr(task, "apply_async"):
        likely = get_close_matches(path, [name for name in app.tasks if not name.startswith("celery.")], 3)
        hint = f"did you mean {' or '.join(likely)}" if likely else "give its dotted path, as it stands in the log"
        raise CommandError(f"No task is called {path!r}: {hint}.")
    return task


def parsed(text):
    """(args, kwargs) from a JSON list or object."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is not JSON, {error}: write '{{\"name\": 1}}' or '[1]'.") from None
    if not isinstance(found, list | dict):
        raise CommandError(f"{text!r} is neither a JSON object nor a list: write '{{\"name\": 1}}' or '[1]'.")
    return (found, {}) if isinstance(found, list) else ([], found)
