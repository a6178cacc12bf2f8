import logging
from contextlib import suppress

from django.contrib.auth import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms import CharField, EmailInput, Form, ModelForm, PasswordInput
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from web.accounts.models import User
from web.accounts.tasks import mail_password_reset, mail_welcome
from web.throttle import Rate, TooMany

logger = logging.getLogger(__name__)

RESETS_FOR_ONE = Rate("reset-for", "5 per hour")


class SignUpForm(forms.UserCreationForm):
    class Meta:
        model = User
        fields = ["username", "email"]
        widgets = {"email": EmailInput(attrs={"autocomplete": "email"})}
        help_texts = {"username": "", "email": _("Optional. It is where likes, comments and follows are told.")}

    def clean_username(self):
        username = super().clean_username()
        if username and not any(character.isalnum() for character in username):  # `..` would be a path, not a page
            raise ValidationError(_("A username needs a letter or a digit."))
        return username

    def sign_up(self):
        """Create the user and queue the welcome mail; None, with an error in the form, if the name is just taken."""
        self.instance.language = get_language()
        try:
            with transaction.atomic():
                user = self.save()
                mail_welcome.enqueue(user.pk)
        except IntegrityError:  # a second submit of the same form, which passed validation in the same moment
            self.add_error("username", _("A user with that username already exists."))
            return None
        return user


def write(user, fields):
    """These alone: another request may have changed others since they were read, such as the password, or have deleted
    the user, who then stays deleted."""
    with suppress(User.NotUpdated):
        user.save(update_fields=fields)


class SettingsForm(ModelForm):
    class Meta:
        model = User
        fields = ["email", "language", "wants_mail"]
        widgets = {"email": EmailInput(attrs={"autocomplete": "email"})}

    def save(self, commit=True):
        write(self.instance, self.Meta.fields)
        return self.instance


class WritesPassword:
    def set_password_and_save(self, user, password_field_name="password1", commit=True):
        super().set_password_and_save(user, password_field_name, commit=False)
        write(user, ["password"])
        return user


class PasswordChangeForm(WritesPassword, forms.PasswordChangeForm):
    pass


class SetPasswordForm(WritesPassword, forms.SetPasswordForm):
    pass


class DeletionForm(Form):
    """Asks for the password: a page that was left open is not enough."""

    password = CharField(
        label=_("Your password"), strip=False, widget=PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self):
        if not self.user.check_password(self.cleaned_data["password"]):
            raise ValidationError(_("This is not your password."))


class PasswordResetForm(forms.PasswordResetForm):
    """Whoever the address belongs to, the answer is the same and takes as long."""

    def save(self, **_):
        """Queue a job, for nobody too. Beyond five mails an hour none follows: the last ones hold links that work."""
        email = self.cleaned_data["email"]
        try:
            RESETS_FOR_ONE.take(email.casefold())
        except TooMany:
            logger.warning("skipped password reset: it was asked for five times in an hour for one address")
            return
        mail_password_reset.enqueue([user.pk for user in self.get_users(email)])
