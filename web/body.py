"""How much a request may bring: one that announces more is refused before it fills the memory or the disk."""

from contextlib import suppress

from django.conf import settings
from django.http import HttpResponse, UnreadablePostError
from django.shortcuts import render

READ_ON = 64 * 1024 * 1024  # bytes; a browser hears of the refusal only when it has sent everything


def takes(size):
    """Let a view take files of so many bytes; every other takes a form without any."""

    def decorate(view):
        view.takes = size
        return view

    return decorate


class Middleware:
    """Stands before the one that looks for the token of a form, which reads the whole body for it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        size, limit = announced(request), getattr(view, "takes", 0)
        if size > limit + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return refused(request, size, limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        return None

    def process_exception(self, request, error):
        """Who hangs up in the middle of a body breaks nothing here: it is no error to report, and nobody hears this."""
        return HttpResponse(status=408) if isinstance(error, UnreadablePostError) else None


def announced(request):
    """Nothing of a body without a length is ever read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isdecimal() else 0


def refused(request, size, limit):
    drain(request, size)
    return render(request, "413.html", {"size": size, "limit": limit}, status=413)


def drain(request, size):
    if size <= READ_ON:
        with suppress(UnreadablePostError):  # who sends it is gone
            while request.read(64 * 1024):
                pass
