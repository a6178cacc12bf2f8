import unicodedata

import redis
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, views
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import FormView, UpdateView

from web import visitor
from web.accounts import jobs
from web.accounts.forms import (
    DeletionForm,
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
    SettingsForm,
    SignUpForm,
)
from web.signin import signed_in
from web.throttle import Rate, limited

# Behind one address may sit a whole school, so its limits are wide. The narrow one is of an address and a name
# together: by the name alone, whoever guesses would shut out the one who knows.
SIGN_INS = Rate("sign-in", "100 per 15 minutes")
GUESSES = Rate("guess", "10 per 15 minutes")
SIGN_UPS = Rate("sign-up", "100 per hour")
RESETS = Rate("reset", "30 per hour")


@method_decorator(limited, name="dispatch")
class SignIn(views.LoginView):
    """What is counted before the password is looked at is given back when it was right."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def post(self, request, *args, **kwargs):
        self.address = visitor.address(request)
        SIGN_INS.take(self.address)
        GUESSES.take(self.address, self.name())
        return super().post(request, *args, **kwargs)

    def name(self):
        """As the database compares it: other spellings of a name are no further attempts."""
        return unicodedata.normalize("NFKC", self.request.POST.get("username", "").strip()[:150]).upper()

    def form_valid(self, form):
        SIGN_INS.give_back(self.address)
        GUESSES.forget(self.address, self.name())
        return speak(super().form_valid(form), form.get_user())


def speak(response, user):
    """Have the site speak the user's language on this device."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        user.language,
        max_age=31_536_000,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
    return response


@method_decorator(limited, name="dispatch")
class SignUp(views.RedirectURLMixin, FormView):
    """Create an account and sign in. `next` is followed only within this site (RedirectURLMixin)."""

    form_class = SignUpForm
    template_name = "accounts/signup.html"
    next_page = settings.LOGIN_REDIRECT_URL

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        SIGN_UPS.take(visitor.address(request))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form):
        user = form.sign_up()
        if user is None:
            return self.form_invalid(form)
        login(self.request, user)
        return redirect(self.get_success_url())


class Settings(LoginRequiredMixin, UpdateView):
    form_class = SettingsForm
    template_name = "accounts/settings.html"
    success_url = reverse_lazy("settings")

    def get_object(self):
        return self.request.user

    def form_valid(self, form):
        with translation.override(form.cleaned_data["language"]):  # in which the next page is
            messages.success(self.request, gettext("Your settings were saved."))
        return speak(super().form_valid(form), form.instance)


class AsksPassword:
    """A page for who is signed in and knows the password: a session alone must not be a place to guess it."""

    @method_decorator(limited)
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        GUESSES.take(str(request.user.pk))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form):
        GUESSES.forget(str(self.request.user.pk))
        return super().form_valid(form)


class Deletion(LoginRequiredMixin, AsksPassword, FormView):
    form_class = DeletionForm
    template_name = "accounts/deletion.html"
    success_url = reverse_lazy("home")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_valid(self, form):
        response = super().form_valid(form)
        form.user.erase()
        logout(self.request)
        messages.success(self.request, _("Your account was deleted, with all that was in it."))
        return response


class PasswordChange(LoginRequiredMixin, AsksPassword, views.PasswordChangeView):
    form_class = PasswordChangeForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("settings")

    def form_valid(self, form):
        messages.success(self.request, _("Your password was changed."))
        return super().form_valid(form)


@method_decorator(limited, name="dispatch")
class PasswordReset(views.PasswordResetView):
    form_class = PasswordResetForm
    template_name = "accounts/password_reset.html"

    def post(self, request, *args, **kwargs):
        RESETS.take(visitor.address(request))
        return super().post(request, *args, **kwargs)


class PasswordResetConfirm(views.PasswordResetConfirmView):
    form_class = SetPasswordForm
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form):
        messages.success(self.request, _("Your password was changed. Sign in with the new one."))
        return super().form_valid(form)


@require_safe
@never_cache
@signed_in
def job(request, name):
    """How a job stands that a request of this reader has enqueued, by its name in the X-Job-IDs of the answer."""
    id = jobs.opened(request.user, name)
    if id is None:
        raise Http404
    try:
        return JsonResponse({"id": name, "state": jobs.state(id)})
    except redis.RedisError:
        return JsonResponse({"id": name, "state": jobs.UNKNOWN}, status=503)
