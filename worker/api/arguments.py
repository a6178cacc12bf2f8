"""The arguments of a job, for people: by their names, and without what is secret in them."""

import json
from functools import cache

import celery

from worker import job as jobs


def arguments(job):
    """{name: text} of a job's arguments: those that are named like secrets are hidden, long ones are cut.

    None when its message cannot be read.
    """
    if job.args is None or job.kwargs is None:
        return None
    return {name: jobs.shown(name, value) for name, value in named(job).items()}


def named(job):
    """{name: value} of the arguments of a job that can be read, as they are."""
    return jobs.named(parameters(job.task), job.args, job.kwargs)


def open_text(job):
    """A job's arguments as JSON, in full but for what is secret: what a search looks at."""
    shown = [without_secrets(name, value) for name, value in named(job).items()][: len(job.args)]
    return json.dumps([shown, without_secrets("", job.kwargs)], ensure_ascii=False, default=str)


def without_secrets(name, value):
    if any(secret in name.lower() for secret in jobs.SECRETS):
        return "***"
    if isinstance(value, dict):
        return {key: without_secrets(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(name, item) for item in value]
    return value


def parameters(name):
    task = known_tasks().get(name)
    return jobs.parameters_of(task) if task else []


def known_tasks():
    """The tasks by name, their modules being imported as a worker does when it starts."""
    import_tasks(celery.current_app._get_current_object())
    return celery.current_app.tasks


@cache
def import_tasks(app):
    app.loader.import_default_modules()
