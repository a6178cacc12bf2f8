from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.csp import CSP
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe

from web.letters.models import Letter
from web.signin import redirect_to_signin

# A letter brings its own styles and may show nothing else: no scripts, no forms, no pictures from elsewhere, which
# would tell their sender that it was read.
LETTER_CSP = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


def may_read(user):
    return settings.DEBUG or user.is_staff or (settings.DEMO and user.is_authenticated)


def reader(request):
    """Context processor: whether the page shows a link to the letters."""
    user = getattr(request, "user", None)
    return {"may_read_letters": user is not None and may_read(user)}


def for_readers(view):
    """Pass the view the letters that this reader may see; others sign in or are turned away."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not may_read(request.user):
            if request.user.is_authenticated:
                raise PermissionDenied
            return redirect_to_signin(request)
        return view(request, Letter.objects.visible_to(request.user), *args, **kwargs)

    return guarded


@require_safe
@for_readers
def index(request, letters):
    page = Paginator(letters.defer("raw", "text", "html").order_by("-id"), 25).get_page(request.GET.get("page"))
    return render(request, "letters/index.html", {"page": page})


@require_safe
@for_readers
def letter(request, letters, pk):
    return render(request, "letters/letter.html", {"letter": get_object_or_404(letters, pk=pk)})


@require_safe
@csp_override(LETTER_CSP)
@xframe_options_sameorigin
@for_readers
def html(request, letters, pk):
    """The HTML body alone, for the frame on the letter's page."""
    return HttpResponse(get_object_or_404(letters, pk=pk).html)


@require_safe
@for_readers
def raw(request, letters, pk):
    letter = get_object_or_404(letters, pk=pk)
    return download(letter.raw, f"letter-{letter.pk}.eml", "message/rfc822")


@require_safe
@for_readers
def attachment(request, letters, pk, number):
    letter = get_object_or_404(letters, pk=pk)
    if number >= len(letter.attachments):
        raise Http404
    part = letter.attachments[number]
    content = part.get_payload(decode=True)
    if content is None:  # a message within the message
        content = part.as_bytes()
    return download(content, letter.attachment_names[number], "application/octet-stream")


def download(content, name, content_type):
    response = HttpResponse(bytes(content), content_type=content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    return response


@require_POST
@for_readers
def delete(request, letters, pk):
    get_object_or_404(letters, pk=pk).delete()
    messages.success(request, _("The letter was deleted."))
    return redirect("letters")


@require_POST
@for_readers
def delete_all(request, letters):
    count = letters.delete()[0]
    messages.success(request, ngettext("%d letter was deleted.", "%d letters were deleted.", count) % count)
    return redirect("letters")
