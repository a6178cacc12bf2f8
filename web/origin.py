"""Which request enqueued a job, and whose that was: noted in its header `enqueued_by`, and in each line of the log.

The answer names, in X-Job-IDs, the jobs that whoever sent the request may ask after; see web/accounts/jobs.py.
"""

import re
import time
from uuid import uuid4

from web.accounts import jobs
from worker import job

HEADER = "X-Request-ID"
JOBS_HEADER = "X-Job-IDs"
NAMED = 20  # jobs at most: proxies take a header of a few kilobytes


def middleware(get_response):
    """Give each request an id, that of the router in front if it has one, and tell it in the answer."""

    def answer(request):
        sent = request.headers.get(HEADER, "")
        request.id = sent if re.fullmatch(r"[\w.-]{1,100}", sent, re.ASCII) else str(uuid4())
        origin = Origin(request)
        token = job.origin.set(origin)
        try:
            response = get_response(request)
        finally:
            job.origin.reset(token)
        response[HEADER] = request.id
        if names := origin.names():
            response[JOBS_HEADER] = ", ".join(names)
        return response

    return answer


class Origin:
    def __init__(self, request):
        self.request, self.jobs, self.started = request, [], time.monotonic()

    @property
    def elapsed(self):
        return time.monotonic() - self.started

    def told(self):
        user = self.request.user
        return {
            "request": self.request.id,
            "user": user.get_username() or None,
            "user_id": str(user.pk) if user.pk else None,
        }

    def known(self):
        """The same as far as it costs no query, which would be odd for a line of the log; the user by id."""
        user = getattr(self.request, "_cached_user", None)  # where django.contrib.auth keeps whom it has loaded
        return {"request": self.request.id} | ({"user": str(user.pk)} if user and user.pk else {})

    def enqueued(self, id):
        self.jobs.append(id)

    def names(self):
        """By whoever is signed in when the request ends, such as somebody who has just signed up."""
        user = self.request.user if self.jobs else None
        return [jobs.name(user, id) for id in self.jobs[:NAMED]] if user and user.is_authenticated else []
