import redis
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, views
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import FormView, UpdateView

from web.accounts import jobs
from web.accounts.forms import DeletionForm, PasswordResetForm, SettingsForm, SignUpForm
from web.signin import signed_in


class SignIn(views.LoginView):
    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form):
        return speak(super().form_valid(form), form.get_user())


def speak(response, user):
    """Have the site speak the user's language on this device."""
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, max_age=31_536_000, samesite="Lax")
    return response


class SignUp(views.RedirectURLMixin, FormView):
    """Create an account and sign in. `next` is followed only within this site (RedirectURLMixin)."""

    form_class = SignUpForm
    template_name = "accounts/signup.html"
    next_page = settings.LOGIN_REDIRECT_URL

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

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


class Deletion(LoginRequiredMixin, FormView):
    form_class = DeletionForm
    template_name = "accounts/deletion.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_valid(self, form):
        form.user.erase()
        logout(self.request)
        messages.success(self.request, _("Your account was deleted, with all that was in it."))
        return redirect("home")


class PasswordChange(views.PasswordChangeView):
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("settings")

    def form_valid(self, form):
        messages.success(self.request, _("Your password was changed."))
        return super().form_valid(form)


class PasswordReset(views.PasswordResetView):
    form_class = PasswordResetForm
    template_name = "accounts/password_reset.html"


class PasswordResetConfirm(views.PasswordResetConfirmView):
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
