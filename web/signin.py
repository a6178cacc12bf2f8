"""Where somebody goes who has to sign in first."""

from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.utils.http import url_has_allowed_host_and_scheme


def redirect_to_signin(request):
    """To the sign-in page, and from there back: to the page itself, or to the one that held the form of a POST."""
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    page = request.headers.get("Referer")
    return redirect_to_login(page if url_has_allowed_host_and_scheme(page, request.get_host()) else "/")


def signed_in(view):
    """`login_required`, which would come back to the address of a POST and fail there."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return redirect_to_signin(request)

    return guarded
