"""What a job is called: "notifications: Bob liked your photo → alice@example.com", not a dotted path and an id.

An app names its jobs in its module `titles`, in a function called as the task. It takes a list with the arguments of
jobs, each as {parameter: value}, and returns a list with a text for each, or None where there is nothing to say.
"""

import logging
from functools import cache
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext as _

from web.jobs.mail import DELIVER, Mail
from worker.api.arguments import named

logger = logging.getLogger(__name__)


def titles(jobs):
    """A title for each job, in their order."""
    found = {}
    for task in {job.task for job in jobs}:
        alike = [number for number, job in enumerate(jobs) if job.task == task]
        for number, text in zip(alike, texts(task, [jobs[number] for number in alike]), strict=True):
            found[number] = title(task, text)
    return [found[number] for number in range(len(jobs))]


def texts(task, jobs):
    """What the app says of jobs of one task; None where it says nothing."""
    hook = subjects if task == DELIVER else hook_of(task)
    if hook is None:
        return [None] * len(jobs)
    readable = [job for job in jobs if job.args is not None and job.kwargs is not None]
    try:
        said = dict(zip((job.id for job in readable), hook([named(job) for job in readable]), strict=True))
    except Exception:  # a title is no reason to show no page: arguments may be anything
        logger.warning("the titles of %s could not be made", task, exc_info=True)
        said = {}
    return [said.get(job.id) for job in jobs]


def subjects(calls):
    mails = [Mail(call.get("message")) for call in calls]
    return [f"{mail.subject} → {', '.join(mail.recipients)}" if mail.recipients else None for mail in mails]


@cache
def hook_of(task):
    """The function with which the app of a task names its jobs, or None."""
    module, _, function = (task or "").rpartition(".")
    app = module.removesuffix(".tasks")
    if app == module or not apps.is_installed(app) or not module_has_submodule(import_module(app), "titles"):
        return None
    return getattr(import_module(f"{app}.titles"), function, None)


def title(task, text=None):
    if task is None:
        return _("A job that cannot be read")
    *path, function = task.split(".")
    app = [part for part in path if part != "tasks"][-1:]
    return ": ".join([*app, text or function])
