"""What of the path of a request may stand in a log: not what is secret there, and never its query."""

import logging

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.encoding import escape_uri_path

from worker import job


def shown(request):
    """The path as text in one word; what a view calls by a secret's name, as the token of a password reset, is ***.

    Of a path that is of no view its first part is shown: it may be that of a reset with a slip, and the token as good.
    """
    path, found = request.path, secrets(request.path)
    if found is None:
        first, _, rest = path.removeprefix("/").partition("/")
        path = f"/{first}/***" if rest else path
    for value in found or ():
        path = path.replace(value, "***")
    return escape_uri_path(path)


def secrets(path):
    """The secrets in the path of a view; None when it is of none."""
    for each in (path, f"{path}/"):  # without its slash it is sent on to the view
        try:
            found = resolve(each).kwargs
        except Resolver404:
            continue
        return [value for name, value in found.items() if job.is_secret(name) and isinstance(value, str)]
    return None


class Masked(logging.Filter):
    """Has what Django logs of a request, with its path, say no more than that."""

    def filter(self, record):
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            record.args = tuple(shown(request) if each == request.path else each for each in record.args)
        return True
