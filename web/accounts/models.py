import secrets

from django.conf import settings
from django.contrib.auth import models as auth
from django.contrib.auth.models import AbstractUser
from django.db import IntegrityError, OperationalError, models, transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


def new_token():
    """A random token with 256 bits: nobody has to look whether it is taken."""
    return secrets.token_urlsafe(32)


class UserManager(auth.UserManager):
    def get_by_natural_key(self, username):
        """Whoever signed up as Alice may sign in as alice: no two names differ in case alone."""
        return self.get(username__iexact=username)


class User(AbstractUser):
    first_name = last_name = None
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES, default="en")
    wants_mail = models.BooleanField(_("mail me when somebody likes, comments or follows"), default=True)
    access_token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)

    objects = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="username_is_unique_in_any_case",
                violation_error_message=_("A user with that username already exists."),
            )
        ]

    def get_absolute_url(self):
        return reverse("profile", args=[self.username])

    def erase(self):
        """Delete the user with all that is theirs; what others add meanwhile, such as a like, goes too.

        Raises IntegrityError when they keep adding, and OperationalError when two keep waiting for each other.
        """
        for is_last in (False, False, True):
            try:
                with transaction.atomic():
                    # Read anew for each try: what is deleted loses its key, also when the commit then fails.
                    for user in User.objects.select_for_update(no_key=True).filter(pk=self.pk):
                        user.delete()
                break
            except (IntegrityError, OperationalError):
                if is_last:
                    raise

    @property
    def can_be_mailed(self):
        return self.is_active and bool(self.email)
