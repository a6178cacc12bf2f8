"""Which request enqueued a job, and whose that was: noted in the job's header `enqueued_by`."""

import re
from functools import partial
from uuid import uuid4

from worker import job

HEADER = "X-Request-ID"


def middleware(get_response):
    """Give each request an id, that of the router in front if it has one, and tell it in the answer."""

    def answer(request):
        sent = request.headers.get(HEADER, "")
        request.id = sent if re.fullmatch(r"[\w.-]{1,100}", sent, re.ASCII) else str(uuid4())
        token = job.origin.set(partial(told, request))
        try:
            response = get_response(request)
        finally:
            job.origin.reset(token)
        response[HEADER] = request.id
        return response

    return answer


def told(request):
    return {"request": request.id, "user": request.user.get_username() or None}
