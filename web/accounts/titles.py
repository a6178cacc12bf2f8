"""What the jobs of this app are called on the dashboard; see web/jobs/titles.py."""

from django.utils.translation import gettext as _

from web.accounts.models import User


def mail_welcome(calls):
    users = User.objects.in_bulk([call["user_id"] for call in calls])
    return [name(users.get(call["user_id"])) for call in calls]


def mail_password_reset(calls):
    users = User.objects.in_bulk([pk for call in calls for pk in call["user_ids"]])
    return [addressees([users[pk] for pk in call["user_ids"] if pk in users]) for call in calls]


def addressees(users):
    return users and _("Choose a new password for Kickstand") + " → " + ", ".join(user.email for user in users)


def name(user):
    return user and _("Welcome to Kickstand, %(name)s") % {"name": user.username} + f" → {user.email}"
