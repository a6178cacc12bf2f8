"""Which request enqueued a job, and whose that was: noted in its header `enqueued_by`, and in each line of the log."""

import re
from uuid import uuid4

from worker import job

HEADER = "X-Request-ID"


def middleware(get_response):
    """Give each request an id, that of the router in front if it has one, and tell it in the answer."""

    def answer(request):
        sent = request.headers.get(HEADER, "")
        request.id = sent if re.fullmatch(r"[\w.-]{1,100}", sent, re.ASCII) else str(uuid4())
        token = job.origin.set(Origin(request))
        try:
            response = get_response(request)
        finally:
            job.origin.reset(token)
        response[HEADER] = request.id
        return response

    return answer


class Origin:
    def __init__(self, request):
        self.request = request

    def told(self):
        return {"request": self.request.id, "user": self.request.user.get_username() or None}

    def known(self):
        """The same as far as it costs no query, which would be odd for a line of the log; the user by id."""
        user = getattr(self.request, "_cached_user", None)  # where django.contrib.auth keeps whom it has loaded
        return {"request": self.request.id} | ({"user": str(user.pk)} if user and user.pk else {})
