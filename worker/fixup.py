"""Celery's care for Django, without what it does at both ends of every job."""

from functools import cached_property
from importlib.util import find_spec

from celery.fixups import django


def fixup(app):
    """For `Celery(fixups=…)`, in place of `celery.fixups.django:fixup`."""
    return Fixup(app).install() if find_spec("django") else None


class Fixup(django.DjangoFixup):
    @cached_property
    def worker_fixup(self):
        return WorkerFixup(self.app)


class WorkerFixup(django.DjangoWorkerFixup):
    def install(self):
        """Celery would give back connections by two signals, which takes as long as all else that a short job needs.

        The pool gives them back after each job, see `limits.clean`.
        """
        self.close_database()
        self.close_cache()
        return self
